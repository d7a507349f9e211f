/* The strongest signals of the newest scan, in a few lines. */

import { h } from "./dom.js";
import { clockTime, dateTime, number, price } from "./format.js";
import { quotes } from "./quotes.js";
import { directionOf, signalStore } from "./signals.js";
import { t } from "./strings.js";
import { skeletonRows, stateBox } from "./ui.js";

/** The newest scan's first, and of one scan the highest score first. */
const newestFirst = (a, b) => (b.scan ?? 0) - (a.scan ?? 0) || b.score - a.score || b.id - a.id;

function line(signal, address) {
  const [sign, tone, name] = directionOf(signal);
  return h("tr", { "data-signal": String(signal.id) },
    h("td", {}, h("a", { class: "row-link", href: `${address}?signal=${signal.id}`, title: t("Why {symbol} has this score", { symbol: signal.symbol }) }, signal.symbol)),
    h("td", { class: "muted" }, signal.interval),
    h("td", { class: tone }, `${sign} ${name}`),
    h("td", { class: "num" }, h("b", {}, number(signal.score))),
    h("td", { class: "num" }, price(signal.price, quotes().items.get(signal.symbol)?.tick_size)),
    h("td", { class: "num faint", title: dateTime(signal.at) }, clockTime(signal.at)));
}

/** Keep `host` showing at most `count` of them; each leads to its breakdown. */
export function newestSignals(host, count, address) {
  const store = signalStore();
  host.replaceChildren(skeletonRows(count));
  function draw() {
    if (store.state === "loading") return;
    const shown = [...store.list].sort(newestFirst).slice(0, count);
    if (shown.length) {
      const heads = [[t("Symbol")], [t("Interval")], [t("Direction")], [t("Score"), "num"], [t("Price"), "num"], [t("Time"), "num"]];
      host.replaceChildren(h("div", { class: "table-scroll" }, h("table", { class: "table", "aria-label": t("Signals") },
        h("thead", {}, h("tr", {}, heads.map(([text, name]) => h("th", { scope: "col", class: name }, text)))),
        h("tbody", {}, shown.map((signal) => line(signal, address))))));
    } else if (store.state === "error") {
      host.replaceChildren(stateBox("error", t("Could not load"), store.error.message, () => store.refresh()));
    } else host.replaceChildren(stateBox("empty", t("No signal yet"), t("The scanner judges every symbol when a bar closes.")));
  }
  store.onChange(draw);
  document.addEventListener("quantai:time", draw);
}
