/* Training in a few lines: what runs, and what ended last. */

import { h } from "./dom.js";
import { duration, number } from "./format.js";
import { t } from "./strings.js";
import { done, figure, isOpen, progressCell, showProgress, showState, stateBadge, studyPage, studyStore } from "./training.js";
import { skeletonRows, stateBox } from "./ui.js";

const openFirst = (a, b) => Number(isOpen(b)) - Number(isOpen(a)) || b.id - a.id;

function line(study) {
  const badge = stateBadge();
  showState(badge, study);
  const cell = progressCell();
  showProgress(cell, done(study), study.trials_wanted);
  cell.title = t("{n} run now", { n: number(study.counts?.running ?? 0) });
  return h("tr", { "data-study": String(study.id) },
    h("td", {}, h("a", { class: "row-link", href: studyPage(study.id) }, study.name)), h("td", {}, badge), h("td", {}, cell),
    h("td", { class: "num" }, figure(study.best?.value)),
    h("td", { class: "num muted" }, isOpen(study) ? duration(study.eta_seconds) : "–"));
}

/** Keep `host` showing at most `count` studies, those at work first. */
export function trainingCard(host, count) {
  const store = studyStore();
  host.replaceChildren(skeletonRows(2));
  function draw() {
    if (store.state === "loading") return;
    const shown = [...store.items.values()].filter((study) => study.name).sort(openFirst).slice(0, count);
    if (shown.length) {
      const heads = [[t("Study")], [t("State")], [t("Trials")], [t("Best value"), "num"], [t("Time left"), "num"]];
      host.replaceChildren(h("div", { class: "table-scroll" }, h("table", { class: "table training-card", "aria-label": t("Studies") },
        h("thead", {}, h("tr", {}, heads.map(([text, name]) => h("th", { scope: "col", class: name }, text)))), h("tbody", {}, shown.map(line)))));
    } else if (store.state === "error") {
      host.replaceChildren(stateBox("error", t("Could not load"), store.error.message, () => store.refresh()));
    } else host.replaceChildren(stateBox("empty", t("No study yet"), t("A study on the page Training searches the parameters of a model.")));
  }
  store.onChange(draw);
}
