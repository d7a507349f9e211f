/* "Why this score": the factors of a signal, what they were made of, and whether the
   stored bars still give the same. In a row of a table, or in a dialog. */

import { byId, h, icon } from "./dom.js";
import { dateTime, number, price, signed } from "./format.js";
import { checkSignal, directionOf, factorName, fetchSignal, HORIZONS, outcomeOf } from "./signals.js";
import { t } from "./strings.js";
import { told } from "./told.js";
import { skeletonRows, stateBox } from "./ui.js";

const SAME_POINTS = 0.05;
const TIMES = new Set(["bars_from"]);

/** Factors with their share of the weighted mean, the strongest first, unknown last. */
export function contributions(factors) {
  const known = factors.filter((factor) => factor.value !== null && factor.value !== undefined);
  const total = known.reduce((sum, factor) => sum + factor.weight, 0);
  const rows = factors.map((factor) => {
    const unknown = !known.includes(factor);
    return { ...factor, unknown, part: unknown || !total ? null : (factor.value * factor.weight) / total };
  });
  return rows.sort((a, b) => a.unknown - b.unknown || Math.abs(b.part) - Math.abs(a.part));
}

/** A bar to the right for what speaks for a rise, to the left for a fall. */
function factorLine(factor, widest) {
  const tone = factor.part > 0 ? "up" : factor.part < 0 ? "down" : "";
  const bar = h("i", { "data-tone": tone });
  bar.style.setProperty("--part", String(factor.part === null ? 0 : Math.abs(factor.part) / widest));
  return h("li", { "data-factor": factor.name, "data-unknown": factor.unknown ? "yes" : null },
    h("b", {}, factorName(factor.name)),
    h("span", { class: "factor-bar", "aria-hidden": "true" }, bar),
    h("span", { class: `num ${tone}`, title: t("Contribution to the weighted mean") }, factor.unknown ? t("unknown") : signed(factor.part, 3)),
    h("span", { class: "faint factor-sum" }, factor.unknown ? t("weight {w}", { w: number(factor.weight, 1) }) : `${signed(factor.value)} × ${number(factor.weight, 1)}`),
    h("span", { class: "muted factor-why" }, told(factor.explanation)));
}

function factorList(factors) {
  const rows = contributions(factors);
  const widest = Math.max(1e-9, ...rows.map((row) => Math.abs(row.part ?? 0)));
  return h("ul", { class: "factors" }, rows.map((row) => factorLine(row, widest)));
}

const facts = (pairs) => h("dl", { class: "facts" }, pairs.flatMap(([name, ...value]) => [h("dt", {}, name), h("dd", {}, ...value)]));

/** Why there is no probability, in words; empty when there is one. */
export const noProbability = (signal) => ((signal.win_probability ?? null) === null
  ? t("not known: fewer than 200 outcomes of such scores") : "");

function summary(signal) {
  const [sign, tone, name] = directionOf(signal);
  const page = document.body.dataset.symbolPage.replace("SYMBOL", encodeURIComponent(signal.symbol));
  return facts([
    [t("Symbol"), h("a", { href: page }, signal.symbol), ` · ${signal.interval}`],
    [t("Score"), h("b", { class: tone }, `${sign} ${number(signal.score, 1)}`), ` / 100 · ${name}`],
    [t("Confidence"), t("{n} %, how far the factors agree", { n: number(signal.confidence * 100) })],
    [t("Win probability"), noProbability(signal) || `${number(signal.win_probability * 100, 1)} %`],
    [t("Price"), price(signal.price)],
    [t("Bar"), dateTime(signal.bar_open)], [t("Made"), dateTime(signal.at)],
    ...HORIZONS.map((bars) => [t("Outcome after bar {n}", { n: bars }), outcomeText(signal, bars)]),
  ]);
}

function outcomeText(signal, bars) {
  const value = outcomeOf(signal, bars);
  if (value === null) return h("span", { class: "faint" }, t("not yet known"));
  return h("span", { class: value > 0 ? "up" : value < 0 ? "down" : "" }, `${signed(value * 100)} %`);
}

function inputText(name, value) {
  if (value === null || value === undefined) return t("unknown");
  if (TIMES.has(name)) return dateTime(value);
  if (typeof value !== "number") return typeof value === "object" ? JSON.stringify(value) : String(value);
  return Number.isInteger(value) ? number(value) : Number(value.toPrecision(6)).toLocaleString("en-US", { maximumFractionDigits: 10 });
}

const inputs = (values) => h("dl", { class: "facts inputs" }, Object.entries(values ?? {})
  .flatMap(([name, value]) => [h("dt", { class: "mono" }, name), h("dd", {}, inputText(name, value))]));

function repaintCheck(signal) {
  const answer = h("div", { class: "repaint", role: "status" });
  const button = h("button", { class: "button small", type: "button", "data-action": "check", onclick: check }, t("Check for repainting"));
  async function check() {
    button.setAttribute("aria-busy", "true");
    try {
      answer.replaceChildren(repaintResult(await checkSignal(signal.id)));
    } catch (error) {
      answer.replaceChildren(h("p", { class: "critical" }, `${t("Could not check")}: ${error.message}`));
    }
    button.removeAttribute("aria-busy");
  }
  return h("div", { class: "stack" }, h("div", { class: "row" }, button,
    h("span", { class: "faint" }, t("computes the score again from the stored bars"))), answer);
}

function repaintResult({ stored, now, difference, same }) {
  const score = (value) => number(value?.score ?? value, 2);
  const points = difference?.score ?? difference;
  return h("div", { "data-same": same ? "yes" : "no" },
    h("p", {}, h("span", { class: "badge", "data-tone": same ? "good" : "warn" }, same ? t("same as stored") : t("differs"))),
    facts([[t("Stored"), score(stored)], [t("Now"), score(now)],
      [t("Difference"), `${signed(points, Math.abs(points) < SAME_POINTS ? 4 : 2)} ${t("points")}`]]));
}

/** Fetch the signal and fill `host` with its breakdown. */
export async function showBreakdown(host, id) {
  host.replaceChildren(skeletonRows(4));
  try {
    const signal = await fetchSignal(id);
    host.replaceChildren(h("div", { class: "breakdown", "data-signal": String(id) },
      h("section", {}, h("h3", {}, t("Why this score")), factorList(signal.factors ?? []),
        h("p", { class: "faint" }, t("A bar to the right speaks for a rise, to the left for a fall; contribution = value × weight / all known weights."))),
      h("section", {}, h("h3", {}, t("Signal")), summary(signal), repaintCheck(signal)),
      h("section", {}, h("h3", {}, t("Inputs")), inputs(signal.inputs))));
  } catch (error) {
    host.replaceChildren(stateBox("error", t("Could not load"), error.message, () => showBreakdown(host, id)));
  }
}

/** The breakdown in a dialog; Escape closes it and gives the focus back. */
export function openBreakdown(id) {
  byId("breakdown-dialog")?.remove();
  const host = h("div", { class: "dialog-body" });
  const close = h("button", { class: "button icon-only", "data-kind": "quiet", type: "submit", "aria-label": t("Close") }, icon("close"));
  const dialog = h("dialog", { class: "dialog wide", id: "breakdown-dialog", "aria-labelledby": "breakdown-title" },
    h("form", { method: "dialog", class: "card-head" }, h("h2", { id: "breakdown-title" }, t("Signal {id}", { id })), h("span", { class: "push" }, close)), host);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return showBreakdown(host, id);
}
