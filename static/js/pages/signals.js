/* Signals: what the scans found, live; filters live in the URL. */

import { openBreakdown, noProbability, showBreakdown } from "../breakdown.js";
import { calibrationSection } from "../calibration.js";
import { atMost, byId, h, setClass, setText } from "../dom.js";
import { seenAt } from "../feed.js";
import { dateTime, direction, number, price, signed } from "../format.js";
import { watchPage } from "../freshness.js";
import { newestQuoteAt, quotes } from "../quotes.js";
import { scanControl } from "../scan_control.js";
import { directionOf, fetchSignals, HORIZONS, outcomeOf, signalStore } from "../signals.js";
import { signalExports } from "../signal_exports.js";
import { t } from "../strings.js";
import { LiveTable } from "../table.js";
import { toast } from "../ui.js";

const PAGE = 100;
const KEPT = 1_000;
const AGAIN_MS = 1_500;
const OUTCOMES_MS = 60_000;
const STALE_PAGE_MS = 10_000;
const STALE_ROW_MS = 30_000;
const SCAN_STEP = 1_000;
const page = document.body.dataset.symbolPage;
const address = new URLSearchParams(location.search);
const offered = (id, key) => [...byId(id).children].map((button) => button.dataset[key]);
const wanted = {
  symbol: (address.get("symbol") ?? "").toUpperCase(),
  interval: offered("signals-interval", "interval").includes(address.get("interval")) ? address.get("interval") : "",
  direction: offered("signals-direction", "direction").includes(address.get("direction")) ? address.get("direction") : "",
  min_score: scoreFrom(address.get("min_score")),
  prime: address.get("prime") === "true",
};
/** id (text) → signal. */
const known = new Map();
const prices = quotes();
let nextAfter = null;
let readOlder = false;
let turn = 0;

function scoreFrom(text) {
  const value = Number(text);
  return Number.isFinite(value) ? Math.max(0, Math.min(100, value)) : 0;
}

/* Table */
const priceNow = (row) => prices.items.get(row.symbol)?.p ?? null;
const tick = (row) => prices.items.get(row.symbol)?.tick_size;
const isOld = (row) => {
  const quote = prices.items.get(row.symbol);
  return quote !== undefined && (quote.late === true || Date.now() - seenAt(quote) > STALE_ROW_MS);
};
const since = (row) => (priceNow(row) === null ? null : (priceNow(row) / row.price - 1) * 100);
const columns = [
  { key: "more", label: "", node: expander, change() {} },
  { key: "time", label: t("Time"), title: t("Newest scan first, its highest score first"), value: (row) => row.scan * SCAN_STEP + row.score, text: (row) => dateTime(row.at).slice(5, 16), tone: () => "muted" },
  { key: "symbol", label: t("Symbol"), sticky: true, value: (row) => row.symbol, text: (row) => row.symbol, link: (row) => page.replace("SYMBOL", encodeURIComponent(row.symbol)) },
  { key: "interval", label: t("Interval"), value: (row) => row.interval, text: (row) => row.interval, tone: () => "muted" },
  { key: "direction", label: t("Direction"), value: (row) => row.direction, text: (row) => `${directionOf(row)[0]} ${directionOf(row)[2]}`, tone: (row) => directionOf(row)[1] },
  { key: "score", label: t("Score"), unit: "/100", num: true, class: "start", value: (row) => row.score, node: scoreCell, change: showScore },
  { key: "confidence", label: t("Confidence"), unit: "%", title: t("How far the factors agree; no probability"), num: true, value: (row) => row.confidence, text: (row) => number(row.confidence * 100) },
  { key: "win", label: t("Win prob."), unit: "%", title: t("Win probability: share of wins among earlier signals of such a score"), num: true, value: (row) => row.win_probability, node: () => h("span"), change: showProbability },
  { key: "price", label: t("At signal"), unit: "USDT", num: true, value: (row) => row.price, text: (row) => price(row.price, tick(row)) },
  { key: "now", label: t("Now"), unit: "USDT", num: true, value: priceNow, text: (row) => price(priceNow(row), tick(row)), tone: (row) => (isOld(row) ? "is-stale" : ""), flash: priceNow },
  { key: "since", label: t("Since"), title: t("Change of the price since the signal"), unit: "%", num: true, value: since, text: (row) => signed(since(row)), tone: (row) => (isOld(row) ? "is-stale" : direction(since(row))) },
  ...HORIZONS.map((bars) => ({
    key: `after${bars}`, label: t("After {n}", { n: bars }), unit: "%", num: true,
    title: t("Return up to the close of bar {n} with fees paid; a short wins when the price falls", { n: bars }),
    value: (row) => outcomeOf(row, bars), text: (row) => outcomeText(outcomeOf(row, bars)), tone: (row) => direction(outcomeOf(row, bars)) || "faint",
  })),
];

const outcomeText = (value) => (value === null ? "–" : signed(value * 100));

function expander(row) {
  const button = h("button", { class: "expander", type: "button", "aria-expanded": "false", "aria-label": t("Why {symbol} has this score", { symbol: row.symbol }) });
  button.addEventListener("click", () => button.setAttribute("aria-expanded", String(table.toggleDetail(String(row.id)))));
  return button;
}

function scoreCell(row) {
  const bar = h("i");
  bar.style.setProperty("--share", String(row.score / 100));
  return h("span", { class: "score-cell" }, h("span", { class: "score-bar", "aria-hidden": "true" }, bar), h("b"), h("span", { class: "badge plain", "data-tone": "info" }, t("prime")));
}

function showScore(cell, row) {
  const [bar, value, prime] = cell.firstChild.children;
  setText(value, number(row.score));
  setClass(bar.firstChild, directionOf(row)[1]);
  prime.hidden = !row.prime;
}

function showProbability(cell, row) {
  const reason = noProbability(row);
  setText(cell.firstChild, reason ? "—" : number(row.win_probability * 100));
  cell.title = reason;
  setClass(cell.firstChild, reason ? "faint" : "");
}

function fillDetail(host, row) {
  if (host.dataset.signal === String(row.id)) return;
  host.dataset.signal = String(row.id);
  showBreakdown(host, row.id);
}

const table = new LiveTable(byId("signals-table"), {
  columns,
  label: t("Signals"),
  className: "signals-table",
  sort: { key: "time", down: true },
  empty: t("No signal yet: scan now, or wait for the next bar to close"),
  detail: { update: fillDetail },
});
table.body.addEventListener("click", (event) => {
  if (event.target.closest("a, button, .detail-row")) return;
  event.target.closest("tr[data-key]")?.querySelector(".expander").click();
});

/* Rows: pushes and pages of REST meet in `known` */
const fits = (row) => row.symbol.includes(wanted.symbol) && (!wanted.interval || row.interval === wanted.interval)
  && (!wanted.direction || row.direction === wanted.direction) && row.score >= wanted.min_score && (!wanted.prime || row.prime);

function learn(rows) {
  for (const row of rows) known.set(String(row.id), { ...known.get(String(row.id)), ...row });
  // Who asked for older ones wants to see them.
  if (readOlder || known.size <= KEPT) return;
  const oldest = [...known.keys()].sort((a, b) => a - b).slice(0, known.size - KEPT);
  for (const id of oldest) known.delete(id);
}

function show() {
  const rows = new Map([...known].filter(([, row]) => fits(row)));
  table.empty = known.size || filtered() ? t("Nothing matches the filter") : t("No signal yet: scan now, or wait for the next bar to close");
  table.update(rows);
  table.order(true);
  byId("signals-more").hidden = nextAfter === null;
  setText(byId("signals-note"), t("{n} shown", { n: number(rows.size) }));
}

const filtered = () => Boolean(wanted.symbol || wanted.interval || wanted.direction || wanted.min_score || wanted.prime);

/** What REST is asked for: a symbol only when it is a whole one. */
function filterValues() {
  const { symbol, ...others } = wanted;
  return { ...others, min_score: wanted.min_score || "", symbol: prices.items.has(symbol) ? symbol : "" };
}

async function load(after = null) {
  const mine = ++turn;
  byId("signals-more").firstElementChild.setAttribute("aria-busy", String(after !== null));
  try {
    const answer = await fetchSignals({ ...filterValues(), limit: PAGE, after });
    if (mine !== turn) return;
    if (after !== null) readOlder = true;
    learn(answer.signals);
    // The first page asked again says nothing of how far the older ones were read.
    if (after !== null || !readOlder) nextAfter = answer.next_after;
    show();
  } catch (error) {
    if (mine === turn) table.showError(error, () => load());
    if (after !== null) toast(t("Could not load"), error.message, "bad");
  }
  byId("signals-more").firstElementChild.setAttribute("aria-busy", "false");
}

/* Filters */
function changed() {
  const values = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value).map(([key, value]) => [key, String(value)]));
  history.replaceState(null, "", `${location.pathname}${values.size ? `?${values}` : ""}`);
  nextAfter = null;
  readOlder = false;
  show();
  again();
}

const again = atMost(AGAIN_MS, () => load());

for (const [id, key] of [["signals-interval", "interval"], ["signals-direction", "direction"]]) {
  const press = () => {
    for (const button of byId(id).children) button.setAttribute("aria-pressed", String(button.dataset[key] === wanted[key]));
  };
  press();
  byId(id).addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    wanted[key] = button.dataset[key];
    press();
    changed();
  });
}
byId("signals-symbol").value = wanted.symbol;
byId("signals-score").value = String(wanted.min_score);
byId("signals-prime").checked = wanted.prime;
byId("signals-symbol").addEventListener("input", (event) => {
  wanted.symbol = event.target.value.trim().toUpperCase();
  changed();
});
byId("signals-symbol").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown") return;
  event.preventDefault();
  table.target(table.lines()[0])?.focus();
});
byId("signals-score").addEventListener("input", (event) => {
  wanted.min_score = scoreFrom(event.target.value);
  changed();
});
byId("signals-prime").addEventListener("change", (event) => {
  wanted.prime = event.target.checked;
  changed();
});
byId("signals-more").addEventListener("click", () => load(nextAfter));

const store = signalStore({}, PAGE);
store.onChange((fresh) => {
  if (store.error && !known.size) return table.showError(store.error, () => store.refresh());
  learn(fresh);
  if (store.state === "ready" || fresh.length) show();
});
signalExports(byId("export-menu"), filterValues);
scanControl(() => load());
calibrationSection();
document.addEventListener("quantai:time", show);
watchPage("quotes", newestQuoteAt, STALE_PAGE_MS);
// Prices move and outcomes come without any push of the signal itself.
setInterval(() => table.update(known, [...table.rows.keys()]), 1000);
setInterval(() => load(), OUTCOMES_MS);
load();
if (address.get("signal")) openBreakdown(address.get("signal"));
