/* Gaps: what of a day is stored, and every range that the streams did not bring;
   state, symbol and day in the URL. */

import { get, query } from "../api.js";
import { COVERAGE_STALE_MS, coverageToday, percent, showCoverage, tellsFilled } from "../coverage.js";
import { atMost, byId, h, setData, setText } from "../dom.js";
import { eventStore } from "../events.js";
import { dateTime, duration, inUtc, number, wall } from "../format.js";
import { watchAge, watchPage } from "../freshness.js";
import { t } from "../strings.js";
import { LiveTable } from "../table.js";
import { told } from "../told.js";
import { setTile, staleTiles, toast } from "../ui.js";

const PAGE = 100;
const MOST = 500;
const AGAIN_MS = 30_000;
const AFTER_EVENT_MS = 1_500;
const DAY_MS = 86_400_000;
const STATES = { open: ["warn", t("open", { of: "gaps" })], filled: ["good", t("filled")], unfillable: ["bad", t("unfillable")] };
const NOTHING = { open: t("No gap is open"), filled: t("No gap was filled yet"), unfillable: t("No gap is unfillable"), "": t("No gap was found yet") };
const address = new URLSearchParams(location.search);
const wanted = {
  state: address.get("state") in NOTHING ? address.get("state") : "",
  symbol: (address.get("symbol") ?? "").toUpperCase(),
  day: /^\d{4}-\d\d-\d\d$/.test(address.get("day") ?? "") ? address.get("day") : "",
};
const rows = new Map();
let nextAfter = null;
let loadedAt = null;
let today = "";
let turn = 0;
let busy = false;
let latest = null;

/* Ledger */
const columns = [
  { key: "more", label: "", node: expander, change() {} },
  { key: "symbol", label: t("Symbol"), sticky: true, value: (row) => row.symbol, text: (row) => row.symbol },
  { key: "detected", label: t("Detected"), num: true, class: "start", value: (row) => row.id, text: (row) => dateTime(row.detected_at) },
  { key: "kind", label: t("Kind"), value: kindOf, text: kindOf, tone: () => "muted" },
  { key: "range", label: t("Range"), title: t("Opening times of bars, or ids of trades"), value: (row) => row.first, text: rangeOf },
  { key: "missing", label: t("Missing"), num: true, value: (row) => row.missing, text: (row) => number(row.missing) },
  { key: "found", label: t("Found"), title: t("Counted by reading them back"), num: true, value: (row) => row.found, text: (row) => number(row.found) },
  { key: "state", label: t("State"), value: (row) => row.state, node: () => h("span", { class: "badge" }), change: showState },
  { key: "cause", label: t("Cause"), value: (row) => row.cause, text: (row) => told(row.cause) },
  { key: "closed", label: t("Closed"), num: true, value: (row) => row.closed_at, text: (row) => dateTime(row.closed_at) },
];

function kindOf(row) {
  return row.kind === "kline" ? t("bars {interval}", { interval: row.interval }) : t("trades");
}

/* Bars open at full minutes. */
const minute = (ms) => wall(ms).slice(0, 16);

function rangeOf({ kind, first, last }) {
  if (kind !== "kline") return first === last ? `#${first}` : `#${first} – #${last}`;
  const zone = inUtc() ? " UTC" : "";
  if (first === last) return minute(first) + zone;
  const [from, to] = [minute(first), minute(last)];
  return `${from} – ${from.slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to}${zone}`;
}

function expander(row) {
  const button = h("button", { class: "expander", type: "button", "aria-expanded": "false", "aria-label": t("Details of {id}", { id: `${row.symbol} ${rangeOf(row)}` }) });
  button.addEventListener("click", () => button.setAttribute("aria-expanded", String(ledger.toggleDetail(String(row.id)))));
  return button;
}

function showState(cell, row) {
  const [tone, name] = STATES[row.state];
  setData(cell.firstChild, "tone", tone);
  setText(cell.firstChild, name);
}

function fillDetail(host, row) {
  const page = document.body.dataset.symbolPage.replace("SYMBOL", encodeURIComponent(row.symbol));
  const facts = [
    [t("Symbol"), h("a", { href: page }, row.symbol)], [t("Range"), rangeOf(row)], [t("Cause"), told(row.cause)], [t("Note"), told(row.note)],
    [t("Detected"), dateTime(row.detected_at)],
    [t("Closed"), row.closed_at ? t("{time}, {age} after its detection", { time: dateTime(row.closed_at), age: duration((row.closed_at - row.detected_at) / 1000) }) : ""],
  ].filter(([, value]) => value);
  host.replaceChildren(h("dl", { class: "facts" }, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
}

const ledger = new LiveTable(byId("gaps-table"), {
  columns, label: t("Ledger of gaps"), className: "gaps-table",
  sort: { key: "detected", down: true }, empty: NOTHING[wanted.state], detail: { update: fillDetail },
});

/* Coverage: worst first, whole series only on request */
const coverage = new LiveTable(byId("coverage-table"), {
  columns: [
    { key: "symbol", label: t("Symbol"), sticky: true, value: (row) => row.symbol, text: (row) => row.symbol, link: (row) => document.body.dataset.symbolPage.replace("SYMBOL", encodeURIComponent(row.symbol)) },
    { key: "interval", label: t("Interval"), value: (row) => row.interval, text: (row) => row.interval, tone: () => "muted" },
    { key: "percent", label: t("Coverage"), unit: "%", num: true, value: (row) => row.percent, text: (row) => percent(row.percent), tone: (row) => (row.missing ? "warn" : "") },
    { key: "bars", label: t("Stored"), num: true, value: (row) => row.bars, text: (row) => number(row.bars) },
    { key: "expected", label: t("Expected"), num: true, value: (row) => row.expected, text: (row) => number(row.expected) },
    { key: "lacking", label: t("Missing"), num: true, value: (row) => row.missing, text: (row) => number(row.missing), tone: (row) => (row.missing ? "" : "faint") },
  ],
  label: t("Coverage of the day by series"), className: "coverage-table",
  sort: { key: "percent", down: false }, empty: "",
});

function showDay(found) {
  byId("day").max = today;
  if (document.activeElement !== byId("day")) byId("day").value = found.day;
  byId("day-after").disabled = found.day >= today;
  byId("day-today").disabled = !wanted.day;
  setText(byId("coverage-title"), found.percent === null ? t("Coverage") : t("Coverage {percent} %", { percent: percent(found.percent) }));
  setText(byId("coverage-note"), found.expected ? t("{n} of {of} bars in {series} series", { n: number(found.bars), of: number(found.expected), series: number(found.series.length) }) : "");
  coverage.empty = found.expected ? t("Every bar of this day is stored") : t("No bar of this day was followed");
  const all = byId("complete").checked;
  const shown = found.series.filter((row) => all || row.missing);
  coverage.update(new Map(shown.map((row) => [`${row.symbol} ${row.interval}`, row])));
  coverage.order(true);
}

/* From the contracts, not the day: a day that has just begun has no series yet. Without
   an answer the field takes whole names, and the next load asks again. */
async function offerSymbols() {
  const list = byId("gap-symbols");
  if (list.childElementCount) return;
  try {
    const found = await get("/market/symbols");
    list.replaceChildren(...found.symbols.map((row) => h("option", { value: row.symbol })));
  } catch (error) {
    console.info("no symbols to offer:", error.message);
  }
}

/* Tiles */
function showTiles(totals) {
  setTile("open", number(totals.open), { tone: totals.open ? "warn" : "", note: t("being fetched") });
  setTile("filled", number(totals.filled), { note: t("proven by reading back") });
  setTile("unfillable", number(totals.unfillable), { tone: totals.unfillable ? "critical" : "", note: t("the exchange does not have them") });
  setTile("missing", number(totals.missing), {
    unit: t("bars"), tone: totals.missing ? "warn" : "", note: t("and {n} trades", { n: number(totals.missing_trades) }),
  });
}

/* Rows over HTTP: all that are shown again at every look, older ones on request. */
function filters() {
  const values = {};
  for (const key of ["state", "symbol"]) if (wanted[key]) values[key] = wanted[key];
  return values;
}

async function load() {
  if (busy) return;
  const mine = ++turn;
  const limit = Math.min(MOST, Math.max(PAGE, rows.size));
  try {
    const asked = [get(query("/market/gaps", { ...filters(), limit, day: wanted.day || "today" }))];
    if (wanted.day) asked.push(coverageToday());
    const [answer, ofToday] = await Promise.all(asked);
    if (mine !== turn) return;
    take(answer, limit);
    today = answer.today;
    loadedAt = Date.now();
    latest = answer.coverage;
    showCoverage(ofToday ?? answer.coverage);
    showTiles(answer.totals);
    offerSymbols();
    showDay(latest);
    show();
  } catch (error) {
    if (mine === turn) fail(error);
  }
}

function fail(error) {
  ledger.showError(error, load);
  coverage.showError(error, load);
  if (loadedAt !== null) return;
  for (const id of ["coverage", "open", "filled", "unfillable", "missing"]) setTile(id, "–", { note: t("Could not load") });
}

/** The answer is the truth about every row as new as its last one. */
function take(answer, limit) {
  const named = new Set(answer.gaps.map((row) => String(row.id)));
  const reached = answer.gaps.length < limit ? 0 : answer.gaps.at(-1).id;
  for (const [key, row] of rows) if (row.id >= reached && !named.has(key)) rows.delete(key);
  for (const row of answer.gaps) rows.set(String(row.id), row);
  // Rows below it were read before, and with them how far the list goes.
  if (![...rows.values()].some((row) => row.id < reached)) nextAfter = answer.next_after;
}

async function loadOlder() {
  const button = byId("gaps-more").firstElementChild;
  const mine = ++turn;
  busy = true;
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await get(query("/market/gaps", { ...filters(), limit: PAGE, after: nextAfter }));
    if (mine !== turn) return;
    for (const row of answer.gaps) rows.set(String(row.id), row);
    nextAfter = answer.next_after;
    show();
  } catch (error) {
    toast(t("That did not work"), error.message, "bad");
  } finally {
    busy = false;
    button.removeAttribute("aria-busy");
  }
}

function show() {
  ledger.empty = wanted.symbol ? t("Nothing matches the filter") : NOTHING[wanted.state];
  ledger.update(rows);
  ledger.order(true);
  for (const { line, row } of ledger.rows.values()) line.querySelector(".col-cause").title = told(row.cause);
  byId("gaps-more").hidden = nextAfter === null;
  setText(byId("gaps-note"), t("{n} shown", { n: number(rows.size) }));
}

/* Filters and day */
function changed() {
  const values = new URLSearchParams(filters());
  if (wanted.day) values.set("day", wanted.day);
  history.replaceState(null, "", `${location.pathname}${values.size ? `?${values}` : ""}`);
  busy = false;
  load();
}

function forget() {
  rows.clear();
  nextAfter = null;
}

function chooseState(state) {
  wanted.state = state;
  for (const button of byId("gap-states").children) button.setAttribute("aria-pressed", String(button.dataset.state === state));
}

function chooseSymbol(text) {
  const names = [...byId("gap-symbols").children].map((option) => option.value);
  const typed = text.trim().toUpperCase();
  wanted.symbol = typed && !names.includes(typed) && names.includes(`${typed}USDT`) ? `${typed}USDT` : typed;
  byId("gap-symbol").value = wanted.symbol;
  forget();
  changed();
}

function chooseDay(day) {
  wanted.day = day === today ? "" : day;
  byId("day").value = day;
  changed();
}

const dayBeside = (step) => new Date(Date.parse(byId("day").value) + step * DAY_MS).toISOString().slice(0, 10);

chooseState(wanted.state);
byId("gap-symbol").value = wanted.symbol;
if (wanted.day) byId("day").value = wanted.day;
byId("gap-states").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  chooseState(button.dataset.state);
  forget();
  changed();
});
byId("gap-symbol").addEventListener("change", (event) => chooseSymbol(event.target.value));
byId("gap-symbol").addEventListener("search", (event) => { if (!event.target.value && wanted.symbol) chooseSymbol(""); });
byId("day").addEventListener("change", (event) => { if (event.target.validity.valid) chooseDay(event.target.value); });
byId("day-before").addEventListener("click", () => chooseDay(dayBeside(-1)));
byId("day-after").addEventListener("click", () => chooseDay(dayBeside(1)));
byId("day-today").addEventListener("click", () => chooseDay(today));
byId("complete").addEventListener("change", () => { if (latest) showDay(latest); });
byId("gaps-more").addEventListener("click", loadOlder);

/* Fresh */
const again = atMost(AFTER_EVENT_MS, load);
eventStore().onChange((fresh) => {
  if (loadedAt !== null && tellsFilled(fresh)) again();
});
document.addEventListener("quantai:time", () => { if (loadedAt !== null) show(); });
watchAge(byId("gaps-age"), () => loadedAt, COVERAGE_STALE_MS, byId("gaps-age"));
watchPage("gaps", () => loadedAt, COVERAGE_STALE_MS);
setInterval(() => staleTiles(["coverage", "open", "filled", "unfillable", "missing"], loadedAt !== null && Date.now() - loadedAt > COVERAGE_STALE_MS), 1_000);
setInterval(load, AGAIN_MS);
load();
