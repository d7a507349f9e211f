/* Overview: is everything alive, what moves, what happened last. */

import { byId, h, perFrame, setClass, setText } from "../dom.js";
import { coverageTile } from "../coverage.js";
import { eventStore, timeline } from "../events.js";
import { feed, feedStore, seenAt } from "../feed.js";
import { direction, duration, number, price, signed } from "../format.js";
import { watchPage } from "../freshness.js";
import { connectionStore, connectionTiles, stateSummary } from "../connections.js";
import { newestSignals } from "../newest_signals.js";
import { openAlertList } from "../open_alerts.js";
import { newestQuoteAt, quotes } from "../quotes.js";
import { t } from "../strings.js";
import { trainingCard } from "../training_card.js";
import { setTile, skeletonRows, stateBox, staleTiles } from "../ui.js";

const MOVERS = 6;
const EVENTS = 6;
const ALERTS = 4;
const SIGNALS = 5;
const STUDIES = 4;
const STALE_MS = 10_000;
const ROW_STALE_MS = 30_000;
const isOld = (row) => row.late || Date.now() - seenAt(row) > ROW_STALE_MS;
const HEAT_FULL_PERCENT = 12;
const HEAT_MOST = 46;
const page = document.body.dataset.symbolPage;
const store = quotes();
const connections = connectionStore();

const columns = [
  ["", (row) => row.base ?? row.k],
  ["num", (row) => price(row.p, row.tick_size)],
  ["num", (row) => `${row.c > 0 ? "▲" : "▼"} ${signed(row.c)}`],
];

function moverTable(host, label) {
  const heads = [t("Symbol"), "USDT", t("24 h, %")];
  const lines = Array.from({ length: MOVERS }, () => {
    const link = h("a", { class: "row-link" });
    const cells = columns.map(([name], index) => h("td", { class: name }, index ? null : link));
    return { line: h("tr", {}, cells), cells, link };
  });
  const head = h("thead", {}, h("tr", {}, heads.map((text, index) => h("th", { scope: "col", class: index ? "num" : "" }, text))));
  const table = h("table", { class: "table", "aria-label": label }, head, h("tbody", {}, lines.map(({ line }) => line)));
  const scroll = h("div", { class: "table-scroll" }, table);
  host.replaceChildren(skeletonRows(MOVERS));
  return (rows) => {
    if (!table.isConnected) host.replaceChildren(scroll);
    lines.forEach((entry, index) => fillMover(entry, rows[index]));
  };
}

function fillMover({ line, cells, link }, row) {
  line.hidden = !row;
  if (!row) return;
  columns.forEach(([, text], index) => setText(index ? cells[index] : link, text(row)));
  link.href = page.replace("SYMBOL", encodeURIComponent(row.k));
  setClass(cells[2], `num ${direction(row.c)}`);
  line.classList.toggle("is-stale", isOld(row));
}

/* Map: one cell per symbol, most traded first, stronger colour for a larger change. */
const cells = new Map();

function heatCell(row) {
  const name = h("b");
  const change = h("span");
  const link = h("a", { href: page.replace("SYMBOL", encodeURIComponent(row.k)) }, name, change);
  byId("heat").append(link);
  return { link, name, change };
}

function showHeat(rows) {
  if (!cells.size && rows.some((row) => row.rank === undefined)) return;
  rows.sort((a, b) => (a.rank ?? 1e9) - (b.rank ?? 1e9));
  for (const row of rows) {
    if (!cells.has(row.k)) cells.set(row.k, heatCell(row));
    const { link, name, change } = cells.get(row.k);
    setText(name, row.base ?? row.k.replace(/USDT$/, ""));
    setText(change, `${signed(row.c)} %`);
    const strength = String(Math.round(Math.min(1, Math.abs(row.c) / HEAT_FULL_PERCENT) * HEAT_MOST));
    if (link.style.getPropertyValue("--strength") !== strength) link.style.setProperty("--strength", strength);
    setClass(link, `${row.c < 0 ? "falls" : ""} ${isOld(row) ? "is-stale" : ""}`.trim());
  }
  const rising = rows.filter((row) => row.c > 0).length;
  setText(byId("breadth"), t("{up} of {all} above their price 24 h ago", { up: rising, all: rows.length }));
}

const gainers = moverTable(byId("gainers"), t("Gainers"));
const losers = moverTable(byId("losers"), t("Losers"));

const showMovers = perFrame(() => {
  if (!cells.size) byId("heat").replaceChildren();
  const rows = [...store.items.values()].filter((row) => row.c !== null && row.c !== undefined);
  if (!rows.length) return showNoMovers();
  rows.sort((a, b) => b.c - a.c);
  showHeat([...rows]);
  gainers(rows.filter((row) => row.c > 0).slice(0, MOVERS));
  losers(rows.filter((row) => row.c < 0).slice(-MOVERS).reverse());
});

function showNoMovers() {
  for (const id of ["heat", "gainers", "losers"]) {
    if (store.state === "error") {
      byId(id).replaceChildren(stateBox("error", t("Could not load"), store.error.message, () => store.refresh()));
    } else if (store.state === "ready") byId(id).replaceChildren(stateBox("empty", t("No prices yet")));
  }
}

function showTiles() {
  const report = feed();
  connectionTiles(connections, report);
  const newest = newestQuoteAt();
  const age = newest === null ? null : (Date.now() - newest) / 1000;
  setTile("age", age === null ? "–" : duration(age), { note: t("{n} symbols", { n: store.items.size }) });
  setTile("candles", report ? number(report.candles_stored) : "–", { note: t("by this run of the feed") });
  setTile("lag", report?.lag_ms === null || !report ? "–" : number(report.lag_ms, 1), {
    unit: "ms", note: report ? t("{n} messages dropped", { n: number(report.dropped) }) : "",
  });
  const old = feedStore.newestAt !== null && Date.now() - feedStore.newestAt > STALE_MS;
  staleTiles(["connections", "streams", "klines", "rate", "lag", "candles"], old);
}

const showAll = perFrame(() => {
  showTiles();
  byId("connection-summary").replaceChildren(stateSummary(connections));
});
store.onChange(showMovers);
feedStore.onChange(showAll);
connections.onChange(showAll);
const events = eventStore();
timeline(byId("events"), events, EVENTS);
coverageTile(events);
openAlertList(byId("open-alerts"), ALERTS, byId("alerts-link").href);
newestSignals(byId("newest-signals"), SIGNALS, byId("signals-link").href);
trainingCard(byId("training-card"), STUDIES);
watchPage("quotes", newestQuoteAt, STALE_MS);
setInterval(() => {
  showTiles();
  showMovers();
}, 1000);
