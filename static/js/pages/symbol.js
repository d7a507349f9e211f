/* One symbol: live candles, order book, trades, head figures, picker. */

import { get, query } from "../api.js";
import { CandleChart } from "../charts.js";
import { byId, h, perFrame, setClass, setText } from "../dom.js";
import { seenAt } from "../feed.js";
import { compact, dateTime, direction, number, price, signed, spreadBps } from "../format.js";
import { watchAge, watchPage } from "../freshness.js";
import { OrderBook, Tape } from "../ladder.js";
import { ticketButtons } from "../order_ticket.js";
import { quotes } from "../quotes.js";
import { live } from "../socket.js";
import { latest } from "../stores.js";
import { t } from "../strings.js";
import { SymbolOverlays } from "../symbol_overlays.js";
import { stateBox } from "../ui.js";

const STALE_MS = 10_000;
const TRADES_STALE_MS = 60_000;
const BARS = 500;
const READOUT_GAP = 8;
const INTERVAL_KEY = "quantai.interval";

const root = byId("symbol");
const { symbol } = root.dataset;
const intervals = root.dataset.intervals.split(",");
const kept = localStorage.getItem(INTERVAL_KEY);
let interval = intervals.includes(kept) ? kept : intervals[0];
const store = quotes();
const detail = latest(`symbol:${symbol}`, loadDetail);
const row = () => store.items.get(symbol);
const steps = () => ({ tick: row()?.tick_size, step: row()?.step_size });

/* Head */
const stats = [
  ["change", t("24 h change"), (q) => `${signed(q.c)} %`, (q) => direction(q.c)],
  ["mark", t("Mark"), (q) => price(q.m, q.tick_size)],
  ["funding", t("Funding"), (q) => `${signed(q.f === null ? null : q.f * 100, 4)} %`, (q) => direction(q.f)],
  ["spread", t("Spread"), (q) => `${number(spreadBps(q.b, q.a), 2)} bps`],
  ["high", t("24 h high"), (q) => price(q.h, q.tick_size)],
  ["low", t("24 h low"), (q) => price(q.l, q.tick_size)],
  ["volume", t("24 h volume"), (q) => `${compact(q.q)} ${q.quote ?? ""}`],
];
const cells = stats.map(([key, label]) => {
  const value = h("dd", { id: `stat-${key}` }, "–");
  byId("stats").append(h("div", {}, h("dt", {}, label), value));
  return value;
});
const ageCell = h("dd", { id: "stat-age" }, "–");
byId("stats").append(h("div", {}, h("dt", {}, t("Age")), ageCell));

const showHead = perFrame(() => {
  const quote = row();
  if (!quote) return;
  setText(byId("price"), price(quote.p, quote.tick_size));
  setClass(byId("price"), `symbol-price ${direction(quote.p - (showHead.before ?? quote.p)) || showHead.tone || ""}`);
  showHead.tone = direction(quote.p - (showHead.before ?? quote.p)) || showHead.tone;
  showHead.before = quote.p;
  setText(byId("price-unit"), quote.quote ?? "");
  stats.forEach(([, , text, tone], index) => {
    setText(cells[index], text(quote));
    setClass(cells[index], tone?.(quote) ?? "");
  });
  document.title = `${price(quote.p, quote.tick_size)} ${symbol} · QuantAI`;
});

function showUnits() {
  const { base = "", quote = "" } = row() ?? {};
  book.setUnits(base, quote);
  setText(byId("tape-price-unit"), quote);
  setText(byId("tape-quantity-unit"), base);
}

/* Picker */
function fillPicker() {
  const list = byId("picker-list");
  if (list.children.length === store.items.size) return;
  list.replaceChildren(...[...store.items.keys()].sort().map((key) => h("option", { value: key })));
}

byId("picker-input").addEventListener("focus", (event) => event.target.select());
byId("picker").addEventListener("submit", (event) => {
  event.preventDefault();
  openSymbol(byId("picker-input").value.trim().toUpperCase());
});
byId("picker-input").addEventListener("change", (event) => {
  const wanted = event.target.value.trim().toUpperCase();
  if (store.items.has(wanted)) openSymbol(wanted);
});

function openSymbol(wanted) {
  const found = store.items.has(wanted) ? wanted : [...store.items.keys()].sort().find((key) => key.startsWith(wanted));
  if (found && wanted && found !== symbol) location.href = document.body.dataset.symbolPage.replace("SYMBOL", encodeURIComponent(found));
  else byId("picker-input").value = symbol;
}

/* Chart */
const readout = h("div", { class: "chart-readout" });
const plot = h("div", { class: "chart-plot" });
byId("chart").append(plot, readout);
let overlay = null;
let hovered = null;
let loading = 0;
const chart = new CandleChart(plot, { onHover: (bar) => { hovered = bar; showReadout(); } });
const overlays = new SymbolOverlays(chart, symbol, BARS);
overlays.onDraw = () => {
  showReadout();
  makeRoom(true);
};
let roomFor = 0;
new ResizeObserver(() => {
  makeRoom(plot.clientWidth !== roomFor);
  roomFor = plot.clientWidth;
}).observe(readout);

/** Keep the prices below the figures; unless it may shrink, the room only grows, so that
    longer figures under the pointer do not move the chart to and fro. */
function makeRoom(mayShrink) {
  const headroom = readout.offsetHeight + READOUT_GAP;
  if (headroom === chart.headroom || (!mayShrink && headroom < chart.headroom)) return;
  chart.headroom = headroom;
  chart.redraw();
}

function showOverlay(node) {
  overlay?.remove();
  overlay = node;
  if (node) byId("chart").append(node);
}

function showReadout() {
  const bar = hovered ?? chart.bars.at(-1);
  if (!bar) return;
  const [time, open, high, low, close, volume] = bar;
  const { tick } = steps();
  const tone = direction(close - open);
  const pair = (name, value) => h("span", {}, `${name} `, h("b", { class: tone }, value));
  readout.replaceChildren(
    h("span", {}, dateTime(time).slice(0, 16)), pair("O", price(open, tick)), pair("H", price(high, tick)),
    pair("L", price(low, tick)), pair("C", price(close, tick)), pair(t("Vol"), `${compact(volume)} ${row()?.base ?? ""}`),
    pair("", `${signed(((close - open) / open) * 100)} %`),
    ...overlays.overlays.readout(time, tick).map(([name, color, text]) => h("span", { class: color }, `${name} `, h("b", {}, text))));
}

async function loadBars() {
  const turn = ++loading;
  const wanted = interval;
  if (!chart.bars.length) showOverlay(stateBox("loading", t("Loading candles")));
  try {
    const { bars } = await get(query("/market/klines", { symbol, interval: wanted, limit: BARS }));
    if (turn !== loading) return;
    showOverlay(bars.length ? null : stateBox("empty", t("No candles stored yet"), t("The history is being fetched."), loadBars));
    if (!bars.length) return;
    chart.setBars(bars, steps());
    const newest = detail.items.get(`kline:${wanted}`);
    if (newest) chart.updateBar(newest.bar);
    byId("chart").dataset.bars = String(chart.bars.length);
    overlays.bar(chart.bars.at(-1), chart.interval);
    overlays.refresh();
    showReadout();
  } catch (error) {
    if (turn === loading) showOverlay(stateBox("error", t("Could not load candles"), error.message, loadBars));
  }
}

function chooseInterval(wanted) {
  interval = wanted;
  localStorage.setItem(INTERVAL_KEY, wanted);
  for (const button of byId("intervals").children) {
    button.setAttribute("aria-pressed", String(button.dataset.interval === wanted));
  }
  overlays.show(wanted);
  loadBars();
}

byId("intervals").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button && button.dataset.interval !== interval) chooseInterval(button.dataset.interval);
});
byId("chart-latest").addEventListener("click", () => chart.latest());

/* Book, trades and the live bar */
const book = new OrderBook(byId("book"));
const tape = new Tape(byId("tape"));

async function loadDetail() {
  // The hub sends what it holds at once, and subscribing makes the feed follow book and
  // trades: with the socket open a snapshot could only be older.
  const items = [];
  if (live.ready || !row()) return { epoch: null, items, partial: true };
  let epoch = null;
  for (const path of ["/market/depth", "/market/trades"]) {
    const answer = await get(query(path, { symbol }));
    epoch ??= answer.epoch;
    // Nobody watched this symbol until now: the first push brings it.
    if (answer.k) items.push(answer);
  }
  return { epoch, items, partial: true };
}

/** Until something came the list says that it waits. */
function waiting(host, waits) {
  host.classList.toggle("is-empty", waits);
  host.setAttribute("aria-busy", String(waits));
}

const showDetail = perFrame(() => {
  const levels = detail.items.get("book");
  const trades = detail.items.get("trades");
  if (levels) book.show(levels, steps());
  if (trades) tape.show(trades.items, steps());
  waiting(byId("book"), !levels);
  waiting(byId("tape"), !trades?.items.length);
});

let gap = null;

function takeBar(item) {
  const last = chart.bars.at(-1);
  if (!last) return;
  // A hole between the last bar and this one (sleep, reconnect): ask for all of them.
  if (item.bar[0] > last[0] + chart.interval && gap !== item.bar[0]) {
    gap = item.bar[0];
    return void loadBars();
  }
  chart.updateBar(item.bar);
  overlays.bar(item.bar, chart.interval);
  byId("chart").dataset.close = String(item.bar[4]);
  if (!hovered) showReadout();
}

detail.onChange((changed) => {
  const key = `kline:${interval}`;
  if (changed.has(key)) takeBar(detail.items.get(key));
  showDetail();
});
let known = false;
store.onChange((changed) => {
  if (!changed.has(symbol) && known) return;
  if (row()?.tick_size && !known) {
    known = true;
    if (!live.ready) detail.refresh();
    showUnits();
    showDetail();
    if (chart.bars.length) chart.setBars(chart.bars, steps());
  }
  if (store.state === "ready" && !row() && store.items.size) {
    showOverlay(stateBox("empty", t("{symbol} is not followed", { symbol }), t("Only the most traded contracts are. Choose another one above.")));
  }
  fillPicker();
  showHead();
});
const at = (key) => () => detail.items.get(key)?.at ?? null;
watchAge(byId("book"), at("book"), STALE_MS, byId("book-note"));
watchAge(byId("tape"), at("trades"), TRADES_STALE_MS, byId("trades-note"));
watchAge(readout, () => detail.items.get(`kline:${interval}`)?.at ?? null, STALE_MS, byId("chart-note"));
const quoteAt = () => (row() ? seenAt(row()) : null);
watchAge(root, quoteAt, STALE_MS, ageCell, () => row()?.late === true);
watchPage("symbol", quoteAt, STALE_MS);
chooseInterval(interval);
ticketButtons();
