/* Positions over all accounts: merged, with their parts, by three prices, live. */

import { chosen, offerAccounts } from "../account_choice.js";
import { accountExports } from "../account_exports.js";
import { accountsStore, act, ask, ASSET, CAUSES, exact, filled, known, LOCKED, mayTrade, sourceName, toNumber, venueBadge } from "../accounts.js";
import { get, query } from "../api.js";
import { asked } from "../asked.js";
import { byId, h, setClass, setData, setText } from "../dom.js";
import { ago, direction, duration, NONE, number, price, signed } from "../format.js";
import { watchPage } from "../freshness.js";
import { leverageDialog } from "../leverage_dialog.js";
import { ticketButtons } from "../order_ticket.js";
import { bestProfit, pricesOf, profitBy, spreadOf } from "../position_values.js";
import { quotes } from "../quotes.js";
import { serverNow } from "../socket.js";
import { t } from "../strings.js";
import { LiveTable } from "../table.js";
import { fieldName, told as translated } from "../told.js";
import { setTile } from "../ui.js";

const STALE_MS = 30_000;
const REPAINT_MS = 500;
const page = document.body.dataset.symbolPage;
const select = byId("positions-account");
select.dataset.wanted = new URLSearchParams(location.search).has("account") ? `account:${new URLSearchParams(location.search).get("account")}` : "";
const picked = () => (select.options.length > 1 || !select.dataset.wanted ? chosen(select) : { account: select.dataset.wanted.slice("account:".length) });
const store = asked(["positions"], () => get(query("/accounts/positions", filled(picked()))));
const accounts = accountsStore(30_000);
const limit = () => store.value?.tolerance.age_seconds ?? 10;
const tick = (row) => quotes().items.get(row.symbol)?.tick_size;

/* Table */
const best = (row) => bestProfit(row, row.symbol, limit());
const mark = (row) => pricesOf(row.symbol).mark ?? null;
const entry = (row) => (toNumber(row.net) ? toNumber(row.cost) / toNumber(row.net) : null);
const spread = (row) => spreadOf(row.symbol, limit());
const isOff = (row) => spread(row) > Number(store.value?.tolerance.spread ?? 1);
const old = (row, source) => (pricesOf(row.symbol)[source]?.age ?? Infinity) > limit();
const bySource = (source, label) => ({
  key: source, label, unit: ASSET, num: true, title: t("Profit by this price"), value: (row) => profitBy(row, row.symbol, source),
  text: (row) => signed(profitBy(row, row.symbol, source)), tone: (row) => (old(row, source) ? "is-stale" : "muted"),
});
const columns = [
  { key: "more", label: "", node: expander, change() {} },
  { key: "symbol", label: t("Symbol"), sticky: true, value: (row) => row.symbol, text: (row) => row.symbol, link: (row) => page.replace("SYMBOL", encodeURIComponent(row.symbol)) },
  { key: "net", label: t("Net", { of: "positions" }), title: t("Long less short, over all accounts"), num: true, value: (row) => toNumber(row.net), text: (row) => `${Number(row.net) > 0 ? "▲ " : Number(row.net) < 0 ? "▼ " : ""}${exact(row.net)}`, tone: (row) => direction(toNumber(row.net)) },
  { key: "gross", label: t("Gross"), title: t("Long and short together"), num: true, value: (row) => toNumber(row.gross), text: (row) => `${exact(row.gross)}${row.hedged ? " ⇄" : ""}`, tone: () => "muted" },
  { key: "entry", label: t("Entry"), title: t("Average price of the net"), num: true, value: entry, text: (row) => price(entry(row), tick(row)) },
  { key: "price", label: t("Mark"), unit: ASSET, num: true, value: (row) => mark(row)?.price ?? null, text: (row) => price(mark(row)?.price ?? null, tick(row)), tone: (row) => (old(row, "mark") ? "is-stale" : ""), flash: (row) => mark(row)?.price ?? null },
  { key: "profit", label: t("Profit"), unit: ASSET, title: t("By the first source that is fresh: mark price, last trade, middle of the book"), num: true, value: (row) => best(row).profit, text: (row) => signed(best(row).profit), tone: (row) => direction(best(row).profit) },
  bySource("mark", t("by mark")), bySource("last", t("by last")), bySource("mid", t("by middle")),
  { key: "told", label: t("Exchange says"), unit: ASSET, title: t("The exchange's own number, as it was last told"), num: true, value: (row) => toNumber(row.valuation.exchange_profit), text: toldText, tone: () => "muted" },
  { key: "sources", label: t("Sources"), value: spread, node: () => h("span", { class: "badge" }), change: showSources },
  { key: "accounts", label: t("Accounts"), num: true, value: (row) => row.accounts, text: (row) => number(row.accounts) },
  { key: "actions", label: "", node: (row) => closeButton(row.symbol, {}), change() {} },
];

function expander(row) {
  const button = h("button", { class: "expander", type: "button", "aria-expanded": "false", "aria-label": t("Accounts that hold {symbol}", { symbol: row.symbol }) });
  button.addEventListener("click", () => button.setAttribute("aria-expanded", String(table.toggleDetail(row.symbol))));
  return button;
}

function showSources(cell, row) {
  const { source } = best(row);
  const off = isOff(row);
  setData(cell.firstChild, "tone", off ? "bad" : source === "mark" ? "good" : "warn");
  setText(cell.firstChild, off ? t("{n} % apart", { n: number(spread(row) * 100, 2) }) : sourceName(source));
  cell.title = [...row.valuation.problems.map(translated), ...Object.entries(pricesOf(row.symbol)).map(([name, one]) => `${sourceName(name)}: ${duration(one.age)}`)].join("\n");
}

function closeButton(symbol, more) {
  const where = more.account ? t("on {name}", { name: more.account }) : t("on every account that holds it");
  return h("button", {
    class: "button small", "data-kind": "danger", type: "button", disabled: !mayTrade, title: mayTrade ? "" : LOCKED, "data-action": "close",
    onclick: async (event) => {
      const wish = { symbol, ...(more.account ? { accounts: [more.account], position_side: more.side } : chosenBody()) };
      await act(event.currentTarget, { title: t("Close {symbol} at the market?", { symbol }), text: where, action: t("Close", { of: "positions" }), danger: true, run: () => ask("positions/close", wish), done: t("{symbol} is closed", { symbol }) });
      store.refresh();
    },
  }, t("Close", { of: "positions" }));
}

function chosenBody() {
  const { account, group } = chosen(select);
  return account ? { accounts: [account] } : group ? { group } : {};
}

/* The parts of a row: made once per change of the rows, repainted by price. */
const HEADS = [[t("Account")], [t("Side")], [t("Quantity"), true], [t("Entry"), true], [t("Profit"), true], [t("Exchange says"), true], [t("Leverage"), true], [t("Liquidation"), true], [t("Told"), true], [""]];

function fillDetail(host, row) {
  const key = JSON.stringify(row.parts.map((part) => [part.account, part.side, part.quantity, part.entry, part.leverage, part.margin_type, part.liquidation_price]));
  if (host.dataset.key !== key) {
    host.dataset.key = key;
    host.replaceChildren(h("table", { class: "table parts-table", "aria-label": t("Accounts that hold {symbol}", { symbol: row.symbol }) },
      h("thead", {}, h("tr", {}, HEADS.map(([name, num]) => h("th", { scope: "col", class: num ? "num" : "" }, name)))),
      h("tbody", {}, row.parts.map((part) => partLine(row, part)))));
  }
  [...host.querySelectorAll(":scope > table > tbody > tr")].forEach((line, index) => showPart(line, row, row.parts[index]));
}

function partLine(row, part) {
  const cell = (name, num = true) => h("td", { class: num ? "num" : "", "data-cell": name });
  return h("tr", { "data-account": part.account, "data-side": part.side },
    h("td", {}, part.account, " ", venueBadge(part.badge)), h("td", {}, part.side === "BOTH" ? (Number(part.quantity) > 0 ? t("long") : t("short")) : part.side.toLowerCase()),
    h("td", { class: "num" }, exact(part.quantity)), h("td", { class: "num" }, price(toNumber(part.entry), tick(row))), cell("profit"), cell("told"),
    h("td", { class: "num" }, leverageButton(row, part)), h("td", { class: "num" }, known(part.liquidation_price) ? price(toNumber(part.liquidation_price), tick(row)) : NONE), cell("age"),
    h("td", {}, closeButton(row.symbol, part)));
}

function leverageButton(row, part) {
  const words = `${part.leverage}× ${part.margin_type === "isolated" ? t("isolated") : t("cross")}`;
  return h("button", {
    class: "button small", "data-kind": "quiet", type: "button", disabled: !mayTrade, title: mayTrade ? t("Change leverage or margin type") : LOCKED,
    onclick: () => leverageDialog(part.account, { symbol: row.symbol, leverage: part.leverage }),
  }, words);
}

function showPart(line, row, part) {
  const cells = Object.fromEntries([...line.querySelectorAll("[data-cell]")].map((cell) => [cell.dataset.cell, cell]));
  const { profit } = bestProfit(part, row.symbol, limit());
  setText(cells.profit, signed(profit));
  setClass(cells.profit, `num ${direction(profit)}`);
  setText(cells.told, signed(toNumber(part.valuation.exchange_profit)));
  setText(cells.age, duration((serverNow() - part.updated_at) / 1000));
}

const table = new LiveTable(byId("positions-table"), {
  columns, label: t("Positions"), className: "positions-table", sort: { key: "symbol", down: false }, empty: t("Nothing is held"), detail: { update: fillDetail },
});

/* Tiles and what was compared */
function showTiles(told) {
  const sum = (read) => told.positions.reduce((total, row) => total + (read(row) ?? 0), 0);
  const profit = sum((row) => best(row).profit);
  const worth = (row, name) => toNumber(row[name]) * (mark(row)?.price ?? NaN);
  setTile("profit", signed(profit), { unit: ASSET, tone: direction(profit), note: t("by the freshest source, live") });
  setTile("told", signed(toNumber(told.totals.exchange_profit)), { unit: ASSET, note: t("of {n} of {all} positions", { n: number(told.totals.exchange_told), all: number(told.totals.parts) }) });
  setTile("net", number(sum((row) => Math.abs(worth(row, "net")) || toNumber(row.notional))), { unit: ASSET, note: t("longs and shorts set off") });
  setTile("gross", number(sum((row) => worth(row, "gross") || toNumber(row.gross_notional))), { unit: ASSET, note: t("{n} positions on accounts", { n: number(told.totals.parts) }) });
  const off = told.positions.filter(isOff).length;
  const aged = told.positions.filter((row) => old(row, "mark")).length;
  setTile("sources", off ? t("differ") : aged ? t("old") : t("agree"), { tone: off ? "critical" : aged ? "warn" : "", note: translated(told.prices_problem) || t("{n} without a fresh mark price", { n: number(aged) }) });
  const found = told.reconciled.reduce((total, one) => total + one.differences.length, 0);
  const failed = told.reconciled.filter((one) => one.problem).length;
  setTile("differences", number(found), { tone: found || failed ? "warn" : "", note: failed ? t("{n} could not be compared", { n: number(failed) }) : t("found and mended last time") });
}

function showReconciled(told) {
  const lines = told.reconciled.map((one) => h("li", { "data-tone": one.problem ? "bad" : one.differences.length ? "warn" : "good" },
    h("time", {}, ago((serverNow() - one.at) / 1000)), h("span", { class: "mark", "aria-hidden": "true" }),
    h("span", { class: "what" }, one.account, h("span", { class: "faint" }, `${CAUSES[one.cause] ?? one.cause} · ${duration(one.seconds)}`)),
    h("span", { class: "why" }, translated(one.problem) || (one.differences.length ? one.differences.map(differenceText).join(" · ") : t("ours and the exchange's are equal")))));
  byId("reconciled").replaceChildren(lines.length ? h("ol", { class: "timeline" }, lines) : h("p", { class: "card-body muted" }, t("No account has been compared with its exchange yet.")));
}

/** The exchange's number is as old as its last word on the position. */
function toldText(row) {
  const profit = toNumber(row.valuation.exchange_profit);
  const age = (serverNow() - row.exchange_at) / 1000;
  return profit === null || Number.isNaN(profit) ? NONE : `${signed(profit)} · ${duration(age)}`;
}

const differenceText = (one) => (typeof one === "string" ? one : Object.entries(one).map(([name, value]) => `${fieldName(name)} ${translated(shortened(value))}`).join(" "));

/** Numbers of a comparison, to eight digits after the point. */
function shortened(value) {
  if (value === null || value === undefined) return NONE;
  return /^-?\d+\.\d{9,}$/.test(value) ? String(Number(Number(value).toFixed(8))) : value;
}

/* Show */
function rows() {
  return new Map((store.value?.positions ?? []).map((row) => [row.symbol, row]));
}

function show() {
  if (!store.value) {
    if (store.error) table.showError(store.error, () => store.refresh());
    return;
  }
  table.update(rows());
  showReconciled(store.value);
  showTiles(store.value);
  showNote();
  byId("close-all").disabled = !mayTrade || !store.value.positions.length;
}

function showNote() {
  const since = store.newestAt === null ? "" : ago((Date.now() - store.newestAt) / 1000);
  setText(byId("positions-note"), since && `${t("{n} shown", { n: number(table.count ?? 0) })} · ${since}`);
}

function applyFilter() {
  const text = byId("positions-filter").value.trim().toUpperCase();
  table.setFilter((row) => row.symbol.includes(text));
}

byId("positions-filter").addEventListener("input", applyFilter);
select.addEventListener("change", () => {
  const { account } = chosen(select);
  history.replaceState(null, "", `${location.pathname}${account ? `?account=${encodeURIComponent(account)}` : ""}`);
  store.refresh();
});
byId("close-all").addEventListener("click", async (event) => {
  const body = chosenBody();
  const whose = body.accounts ? body.accounts[0] : body.group ?? t("every account");
  await act(event.currentTarget, { title: t("Close every position at the market?"), text: t("On {name}, one order each.", { name: whose }), action: t("Close all"), danger: true, run: () => ask("positions/close", body), done: t("All is closed") });
  store.refresh();
});
accounts.onChange(() => accounts.value && offerAccounts(select, accounts.value));
accountExports([[t("Positions, one line for each account"), "positions", () => chosen(select)]]);
store.onChange(show);
quotes();
document.addEventListener("quantai:ordered", () => store.refresh());
watchPage("positions", () => store.newestAt, STALE_MS);
setInterval(() => {
  if (!store.value) return;
  table.update(rows(), store.value.positions.map((row) => row.symbol));
  showTiles(store.value);
  showNote();
}, REPAINT_MS);
ticketButtons();
