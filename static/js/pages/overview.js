/* Overview: is everything alive, what moves, what happened last. */

import { byId, h, perFrame, setClass, setText } from "../dom.js";
import { eventStore, timeline } from "../events.js";
import { feed, feedStore } from "../feed.js";
import { compact, direction, duration, number, price, signed } from "../format.js";
import { watchPage } from "../freshness.js";
import { connectionStore, connectionTiles, stateSummary } from "../connections.js";
import { quotes } from "../quotes.js";
import { t } from "../strings.js";
import { setTile, skeletonRows, stateBox, staleTiles } from "../ui.js";

const MOVERS = 8;
const EVENTS = 8;
const STALE_MS = 10_000;
const page = document.body.dataset.symbolPage;
const store = quotes();
const connections = connectionStore();

const columns = [
  ["", (row) => row.k],
  ["num", (row) => price(row.p, row.tick_size)],
  ["num", (row) => `${row.c > 0 ? "▲" : "▼"} ${signed(row.c)} %`],
  ["num faint", (row) => compact(row.q)],
];

function moverTable(host, label) {
  const heads = [t("Symbol"), t("Price, USDT"), t("24 h"), t("Volume, USDT")];
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
  line.classList.toggle("is-stale", Date.now() - row.at > 30_000);
}

const gainers = moverTable(byId("gainers"), t("Gainers"));
const losers = moverTable(byId("losers"), t("Losers"));

const showMovers = perFrame(() => {
  const rows = [...store.items.values()].filter((row) => row.c !== null && row.c !== undefined);
  if (!rows.length) return showNoMovers();
  rows.sort((a, b) => b.c - a.c);
  gainers(rows.filter((row) => row.c > 0).slice(0, MOVERS));
  losers(rows.filter((row) => row.c < 0).slice(-MOVERS).reverse());
});

function showNoMovers() {
  for (const id of ["gainers", "losers"]) {
    if (store.state === "error") {
      byId(id).replaceChildren(stateBox("error", t("Could not load"), store.error.message, () => store.refresh()));
    } else if (store.state === "ready") byId(id).replaceChildren(stateBox("empty", t("No prices yet")));
  }
}

function showTiles() {
  const report = feed();
  connectionTiles(connections, report);
  const age = store.newestAt === null ? null : (Date.now() - store.newestAt) / 1000;
  setTile("age", age === null ? "–" : duration(age), { note: t("{n} symbols", { n: store.items.size }) });
  setTile("candles", report ? number(report.candles_stored) : "–", { note: t("by this run of the feed") });
  setTile("lag", report?.lag_ms === null || !report ? "–" : number(report.lag_ms, 1), {
    unit: "ms", note: report ? t("{n} dropped · {m} conflated", { n: number(report.dropped), m: compact(report.conflated) }) : "",
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
timeline(byId("events"), eventStore(), EVENTS);
watchPage("quotes", () => store.newestAt, STALE_MS);
setInterval(() => {
  showTiles();
  showMovers();
}, 1000);
