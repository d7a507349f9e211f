/* Trades: executions as they come, filtered, exported. */

import { chosen, offerAccounts } from "../account_choice.js";
import { accountExports } from "../account_exports.js";
import { accountsStore, ASSET, cash, exact, fetchTrades, gain, gainTone, sideTone, sideWord, toNumber, venueBadge } from "../accounts.js";
import { atMost, byId, h, setText } from "../dom.js";
import { dateTime, number } from "../format.js";
import { GrowingList } from "../growing_list.js";
import { ticketButtons } from "../order_ticket.js";
import { t } from "../strings.js";
import { LiveTable } from "../table.js";

const PAGE = 100;
const AGAIN_MS = 600;
const select = byId("trades-account");
const sides = byId("trades-side");
const wanted = { side: "", symbol: "" };
const groups = new Map();

const isWhole = (symbol) => symbol === "" || /^[\p{L}\p{N}_]{5,}$/u.test(symbol);
const values = () => ({ ...chosen(select), side: wanted.side, symbol: isWhole(wanted.symbol) ? wanted.symbol : "" });
const fits = (row) => row.symbol.includes(wanted.symbol) && (!wanted.side || row.side === wanted.side)
  && (!chosen(select).account || row.account === chosen(select).account) && (!chosen(select).group || groups.get(row.account) === chosen(select).group);

const list = new GrowingList("fills", async ({ after }) => {
  const answer = await fetchTrades({ ...values(), limit: PAGE, after });
  return { ...answer, items: answer.trades };
}, show);

const columns = [
  { key: "time", label: t("Time"), value: (row) => row.at * 1e6 + (row.id % 1e6), text: (row) => dateTime(row.at).slice(5), tone: () => "muted" },
  { key: "symbol", label: t("Symbol"), sticky: true, value: (row) => row.symbol, text: (row) => row.symbol, link: (row) => document.body.dataset.symbolPage.replace("SYMBOL", encodeURIComponent(row.symbol)) },
  { key: "side", label: t("Side"), value: (row) => row.side, text: (row) => sideWord(row.side), tone: (row) => sideTone(row.side) },
  { key: "account", label: t("Account"), value: (row) => row.account, node: (row) => h("span", {}, row.account, " ", venueBadge(row.badge)), change() {} },
  { key: "quantity", label: t("Quantity"), num: true, value: (row) => toNumber(row.quantity), text: (row) => exact(row.quantity) },
  { key: "price", label: t("Price"), unit: ASSET, num: true, value: (row) => toNumber(row.price), text: (row) => exact(row.price) },
  { key: "notional", label: t("Value", { of: "orders" }), unit: ASSET, num: true, value: (row) => toNumber(row.notional), text: (row) => cash(row.notional) },
  { key: "realised", label: t("Realised"), unit: ASSET, title: t("What the exchange says it realised, before fees"), num: true, value: (row) => toNumber(row.realised), text: (row) => gain(row.realised), tone: (row) => gainTone(row.realised) || "faint" },
  { key: "fee", label: t("Fee"), title: t("What was paid; below 0 a rebate"), num: true, value: (row) => toNumber(row.fee), text: (row) => `${exact(row.fee)} ${row.fee_asset}`, tone: () => "muted" },
  { key: "maker", label: t("As"), value: (row) => (row.maker ? "maker" : "taker"), text: (row) => (row.maker ? t("maker") : t("taker")), tone: () => "muted" },
  { key: "number", label: t("Number"), title: t("The exchange's number of the trade"), value: (row) => row.trade_id, text: (row) => row.trade_id, tone: () => "faint" },
];
const table = new LiveTable(byId("trades-table"), {
  columns, label: t("Trades"), className: "trades-table", sort: { key: "time", down: true }, empty: t("Nothing was traded yet"),
});

function show() {
  if (list.error && !list.known.size) table.showError(list.error, () => list.again());
  if (list.loading) return;
  table.empty = wanted.symbol || wanted.side || select.value ? t("Nothing matches the filter") : t("Nothing was traded yet");
  table.update(new Map([...list.known].filter(([, row]) => fits(row))));
  table.order(true);
  byId("trades-more").hidden = list.nextAfter === null;
  setText(byId("trades-note"), t("{n} shown", { n: number(table.count ?? 0) }));
}

const again = atMost(AGAIN_MS, () => list.again());

function changed() {
  for (const button of sides.children) button.setAttribute("aria-pressed", String(button.dataset.side === wanted.side));
  show();
  again();
}

sides.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  wanted.side = button.dataset.side;
  changed();
});
byId("trades-symbol").addEventListener("input", (event) => {
  wanted.symbol = event.target.value.trim().toUpperCase();
  changed();
});
select.addEventListener("change", changed);
list.moreBy(byId("trades-more"));
const accounts = accountsStore(30_000);
accounts.onChange(() => {
  if (!accounts.value) return;
  for (const one of accounts.value.accounts) groups.set(one.name, one.group);
  offerAccounts(select, accounts.value);
});
accountExports([[t("Trades as filtered"), "trades", values]]);
document.addEventListener("quantai:time", () => table.update(list.known, [...table.rows.keys()]));
ticketButtons();
