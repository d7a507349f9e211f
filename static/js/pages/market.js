/* Market: every followed symbol, live; sort, text and quick filter live in the URL. */

import { byId, setText } from "../dom.js";
import { seenAt } from "../feed.js";
import { compact, direction, duration, number, price, signed, spreadBps } from "../format.js";
import { watchPage } from "../freshness.js";
import { newestQuoteAt, quotes } from "../quotes.js";
import { t } from "../strings.js";
import { LiveTable } from "../table.js";

const STALE_ROW_MS = 30_000;
const STALE_PAGE_MS = 10_000;
const MOST_TRADED = 30;
const WIDE_BPS = 5;
const VIEWS = {
  all: { keep: () => true, sort: null },
  gainers: { keep: (row) => row.c > 0, sort: { key: "change", down: true } },
  losers: { keep: (row) => row.c < 0, sort: { key: "change", down: false } },
  active: { keep: (row) => row.rank <= MOST_TRADED, sort: { key: "volume", down: true } },
  wide: { keep: (row) => spreadBps(row.b, row.a) > WIDE_BPS, sort: { key: "spread", down: true } },
};
const DEFAULT_SORT = { key: "rank", down: false };

const page = document.body.dataset.symbolPage;
const age = (row) => (Date.now() - seenAt(row)) / 1000;
const grey = (row, tone = "") => (row.late || age(row) * 1000 > STALE_ROW_MS ? "is-stale" : tone);
const columns = [
  { key: "rank", label: "#", title: t("Rank by 24 h volume"), num: true, value: (row) => row.rank, text: (row) => number(row.rank) },
  { key: "symbol", label: t("Symbol"), sticky: true, value: (row) => row.k, text: (row) => row.k, link: (row) => page.replace("SYMBOL", encodeURIComponent(row.k)) },
  { key: "price", label: t("Price"), unit: "USDT", num: true, value: (row) => row.p, text: (row) => price(row.p, row.tick_size), tone: grey, flash: (row) => row.p },
  { key: "change", label: t("24 h"), unit: "%", num: true, value: (row) => row.c, text: (row) => `${row.c > 0 ? "▲" : row.c < 0 ? "▼" : ""} ${signed(row.c)}`, tone: (row) => grey(row, direction(row.c)) },
  { key: "volume", label: t("24 h volume"), unit: "USDT", num: true, value: (row) => row.q, text: (row) => compact(row.q), tone: grey },
  { key: "bid", label: t("Bid"), unit: "USDT", num: true, value: (row) => row.b, text: (row) => price(row.b, row.tick_size), tone: grey },
  { key: "ask", label: t("Ask"), unit: "USDT", num: true, value: (row) => row.a, text: (row) => price(row.a, row.tick_size), tone: grey },
  { key: "spread", label: t("Spread"), unit: "bps", title: t("(ask − bid) / middle, in hundredths of a percent"), num: true, value: (row) => spreadBps(row.b, row.a), text: (row) => number(spreadBps(row.b, row.a), 2), tone: grey },
  { key: "mark", label: t("Mark"), unit: "USDT", num: true, value: (row) => row.m, text: (row) => price(row.m, row.tick_size), tone: grey },
  { key: "funding", label: t("Funding"), unit: "%", num: true, value: (row) => row.f, text: (row) => signed(row.f === null ? null : row.f * 100, 4), tone: (row) => grey(row, direction(row.f)) },
  { key: "low", label: t("24 h low"), unit: "USDT", class: "col-wide", num: true, value: (row) => row.l, text: (row) => price(row.l, row.tick_size), tone: grey },
  { key: "high", label: t("24 h high"), unit: "USDT", class: "col-wide", num: true, value: (row) => row.h, text: (row) => price(row.h, row.tick_size), tone: grey },
  { key: "age", label: t("Age"), title: t("Time since the newest datum of this symbol reached this page"), num: true, value: age, text: (row) => duration(age(row)), tone: (row) => grey(row, "faint") },
];

const address = new URLSearchParams(location.search);
const state = {
  view: VIEWS[address.get("view")] ? address.get("view") : "all",
  text: address.get("q") ?? "",
  sort: sortFrom(address.get("sort")),
};

function sortFrom(text) {
  const key = (text ?? "").replace(/^-/, "");
  return columns.some((column) => column.key === key) ? { key, down: text.startsWith("-") } : null;
}

function remember() {
  const values = new URLSearchParams();
  if (state.view !== "all") values.set("view", state.view);
  if (state.text) values.set("q", state.text);
  if (state.sort) values.set("sort", (state.sort.down ? "-" : "") + state.sort.key);
  history.replaceState(null, "", `${location.pathname}${values.size ? `?${values}` : ""}`);
}

const table = new LiveTable(byId("market-table"), {
  columns,
  label: t("Live prices"),
  className: "market-table",
  sort: state.sort ?? VIEWS[state.view].sort ?? DEFAULT_SORT,
  empty: t("No symbols are followed yet"),
  onSort(sort) {
    state.sort = sort;
    remember();
  },
});
table.onOrder = (shown, all) => setText(byId("market-note"), shown === all
  ? t("{n} symbols", { n: all }) : t("{shown} of {n} symbols", { shown, n: all }));

function applyFilter() {
  const { keep } = VIEWS[state.view];
  const words = state.text.toUpperCase().split(/\s+/).filter(Boolean);
  table.setFilter((row) => keep(row) && words.every((word) => row.k.includes(word)));
}

function chooseView(view) {
  state.view = view;
  state.sort = null;
  for (const button of byId("quick").children) {
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
  table.setSort(VIEWS[view].sort ?? DEFAULT_SORT);
  applyFilter();
  remember();
}

byId("quick").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) chooseView(button.dataset.view);
});
byId("filter").value = state.text;
byId("filter").addEventListener("input", (event) => {
  state.text = event.target.value.trim();
  applyFilter();
  remember();
});
byId("filter").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown") return;
  event.preventDefault();
  table.target(table.lines()[0])?.focus();
});

const store = quotes();
store.onChange((changed) => {
  if (store.error) table.showError(store.error, () => store.refresh());
  if (store.items.size) table.update(store.items, changed);
  else if (store.state === "ready") table.update(store.items);
});
for (const button of byId("quick").children) {
  button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
}
applyFilter();
watchPage("quotes", newestQuoteAt, STALE_PAGE_MS);
// Ages grow without any message: repaint what can be seen once a second.
setInterval(() => store.items.size && table.update(store.items, store.items.keys()), 1000);
