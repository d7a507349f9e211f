/* Orders: as they stand, live, and as they were given; cancel, amend, export. */

import { chosen, offerAccounts } from "../account_choice.js";
import { accountExports } from "../account_exports.js";
import { accountsStore, act, amendOrder, ask, cancelOrder, errorText, exact, fetchOrders, fetchParents, known, LOCKED, mayTrade, ORDER_STATES, orderType, PARENT_STATES, showWord, sideTone, sideWord, STRATEGIES, toNumber, troubles, venueBadge, wordBadge } from "../accounts.js";
import { get } from "../api.js";
import { asked } from "../asked.js";
import { atMost, byId, h, setText } from "../dom.js";
import { ago, dateTime, duration, NONE, number } from "../format.js";
import { GrowingList } from "../growing_list.js";
import { ticketButtons } from "../order_ticket.js";
import { t } from "../strings.js";
import { LiveTable } from "../table.js";
import { told } from "../told.js";
import { toast } from "../ui.js";

const PAGE = 100;
const AGAIN_MS = 600;
const FINAL = new Set(["filled", "canceled", "expired", "rejected", "never_sent"]);
const address = new URLSearchParams(location.search);
const select = byId("orders-account");
select.dataset.wanted = address.has("account") ? `account:${address.get("account")}` : "";
const states = byId("orders-state");
const wanted = {
  state: ["open", "closed", ""].includes(address.get("state")) ? address.get("state") : "open",
  symbol: (address.get("symbol") ?? "").toUpperCase(),
};
const picked = () => (select.options.length > 1 || !select.dataset.wanted ? chosen(select) : { account: select.dataset.wanted.slice("account:".length) });
const groups = new Map();
let counts = {};

/* Which rows: the server filters pages, the page filters pushes the same way */
const isWhole = (symbol) => symbol === "" || /^[\p{L}\p{N}_]{5,}$/u.test(symbol);
const values = () => ({ ...picked(), state: wanted.state, symbol: isWhole(wanted.symbol) ? wanted.symbol : "" });
const fits = (row) => (wanted.state === "open" ? !FINAL.has(row.state) : wanted.state === "closed" ? FINAL.has(row.state) : true)
  && row.symbol.includes(wanted.symbol) && (!picked().account || row.account === picked().account) && (!picked().group || groups.get(row.account) === picked().group);

const list = new GrowingList("orders", async ({ after }) => {
  const answer = await fetchOrders({ ...values(), limit: PAGE, after });
  counts = answer.counts;
  return { ...answer, items: answer.orders };
}, show);

/* Table */
const priceText = (row) => `${Number(row.price) ? exact(row.price) : t("market")}${Number(row.stop_price) ? ` ⚑ ${exact(row.stop_price)}` : ""}`;
const age = (row) => (Date.now() - row.created_at) / 1000;
const columns = [
  { key: "more", label: "", node: expander, change() {} },
  { key: "symbol", label: t("Symbol"), sticky: true, value: (row) => row.symbol, text: (row) => row.symbol, link: (row) => document.body.dataset.symbolPage.replace("SYMBOL", encodeURIComponent(row.symbol)) },
  { key: "state", label: t("State"), value: (row) => row.state, node: () => h("span", { class: "badge" }), change: (cell, row) => showWord(cell.firstChild, ORDER_STATES[row.state] ?? ["", row.state], told(row.reason)) },
  { key: "side", label: t("Side"), value: (row) => row.side, text: (row) => sideWord(row.side), tone: (row) => sideTone(row.side) },
  { key: "account", label: t("Account"), value: (row) => row.account, node: (row) => h("span", {}, row.account, " ", venueBadge(row.badge)), change() {} },
  { key: "type", label: t("Type"), value: (row) => row.type, text: (row) => `${orderType(row.type)}${row.reduce_only ? ` · ${t("reduce only")}` : ""}`, tone: () => "muted" },
  { key: "quantity", label: t("Quantity"), num: true, value: (row) => toNumber(row.quantity), text: (row) => exact(row.quantity) },
  { key: "filled", label: t("Filled"), num: true, value: (row) => toNumber(row.filled), text: (row) => exact(row.filled), flash: (row) => toNumber(row.filled) },
  { key: "price", label: t("Price"), unit: "USDT", title: t("Limit; behind the flag the trigger"), num: true, value: (row) => toNumber(row.price), text: priceText },
  { key: "average", label: t("Average"), unit: "USDT", title: t("Average price of what is filled"), num: true, value: (row) => toNumber(row.average_price), text: (row) => (Number(row.average_price) ? exact(row.average_price) : NONE) },
  { key: "time", label: t("Given"), value: (row) => row.id, text: (row) => (age(row) < 3600 ? ago(age(row)) : dateTime(row.created_at).slice(5, 16)), tone: () => "muted" },
  { key: "actions", label: "", node: actions, change: showActions },
];

function expander(row) {
  const button = h("button", { class: "expander", type: "button", "aria-expanded": "false", "aria-label": t("Details of order {id}", { id: String(row.id) }) });
  button.addEventListener("click", () => button.setAttribute("aria-expanded", String(table.toggleDetail(String(row.id)))));
  return button;
}

function actions(row) {
  const cancel = h("button", { class: "button small", "data-kind": "danger", type: "button", "data-action": "cancel", disabled: !mayTrade, title: mayTrade ? "" : LOCKED, onclick: (event) => cancelOne(event.currentTarget, row.id) }, t("Cancel", { of: "orders" }));
  const amend = h("button", { class: "button small", type: "button", "data-action": "amend", disabled: !mayTrade, title: mayTrade ? "" : LOCKED, onclick: () => amendOne(row.id) }, t("Amend"));
  return h("span", { class: "row-actions" }, amend, cancel);
}

function showActions(cell, row) {
  const [amend, cancel] = cell.firstChild.children;
  cancel.hidden = FINAL.has(row.state);
  amend.hidden = FINAL.has(row.state) || row.type !== "LIMIT";
}

const rowOf = (id) => list.known.get(String(id));

async function cancelOne(button, id) {
  const row = rowOf(id);
  const text = `${sideWord(row.side)} ${exact(row.quantity)} ${row.symbol} · ${row.account}`;
  await act(button, { title: t("Cancel this order?"), text, action: t("Cancel the order"), danger: true, run: () => cancelOrder(id), done: t("Cancelled") });
  list.again();
}

/** A dialog with the two numbers that can be changed. */
function amendOne(id) {
  const row = rowOf(id);
  const quantity = h("input", { class: "input", id: "amend-quantity", inputmode: "decimal", value: row.quantity });
  const price = h("input", { class: "input", id: "amend-price", inputmode: "decimal", value: row.price });
  const problem = h("p", { class: "field-error", role: "alert", hidden: true });
  const save = h("button", { class: "button", "data-kind": "primary", type: "submit" }, t("Amend the order"));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "amend-title" },
    h("form", { onsubmit: (event) => { event.preventDefault(); send(); } },
      h("div", { class: "dialog-body" }, h("h2", { id: "amend-title" }, t("Amend {side} {symbol}", { side: sideWord(row.side), symbol: row.symbol })), h("p", { class: "muted" }, row.account),
        h("div", { class: "field" }, h("label", { for: "amend-quantity" }, t("Quantity")), quantity), h("div", { class: "field" }, h("label", { for: "amend-price" }, t("Limit price")), price), problem),
      h("div", { class: "dialog-actions" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, t("Cancel")), save)));
  async function send() {
    save.setAttribute("aria-busy", "true");
    try {
      const trouble = troubles(await amendOrder(id, { quantity: quantity.value.trim(), price: price.value.trim() }));
      toast(trouble.length ? t("Done in part") : t("Amended"), trouble.join(" · "), trouble.length ? "warn" : "good");
      dialog.close();
      list.again();
    } catch (error) {
      setText(problem, errorText(error));
      problem.hidden = false;
    }
    save.setAttribute("aria-busy", "false");
  }
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  price.select();
}

async function fillDetail(host, row) {
  if (host.dataset.revision === `${row.updated_at}.${row.filled}`) return;
  host.dataset.revision = `${row.updated_at}.${row.filled}`;
  const facts = [
    [t("Reason"), told(row.reason)], [t("Exchange's error"), row.error_code], [t("Our id"), row.client_id], [t("Exchange's id"), row.exchange_id], [t("Conditional id"), row.algo_id],
    [t("Given by"), row.external ? (row.liquidation ? t("the exchange: a liquidation") : t("somebody else, on the exchange")) : ""],
    [t("Sent after"), row.sent_at ? duration((row.sent_at - row.created_at) / 1000) : ""], [t("Answered after"), row.acknowledged_at && row.sent_at ? duration((row.acknowledged_at - row.sent_at) / 1000) : ""],
    [t("Valid"), row.time_in_force], [t("Position"), row.position_side], [t("Last news"), dateTime(row.updated_at)],
  ].filter(([, value]) => known(value));
  const fills = h("div");
  host.replaceChildren(h("div", { class: "detail-columns" }, h("dl", { class: "facts" }, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))])), fills));
  try {
    const { fills: made } = await get(`/accounts/orders/${row.id}`);
    fills.replaceChildren(made.length ? h("table", { class: "table", "aria-label": t("Executions") },
      h("thead", {}, h("tr", {}, [t("Time"), t("Quantity"), t("Price"), t("Fee")].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, made.map((fill) => h("tr", {}, h("td", {}, dateTime(fill.at)), h("td", {}, exact(fill.quantity)), h("td", {}, exact(fill.price)), h("td", {}, `${exact(fill.fee)} ${fill.fee_asset}`)))))
      : h("p", { class: "muted" }, t("Nothing is filled yet")));
  } catch (error) {
    fills.replaceChildren(h("p", { class: "critical" }, error.message));
  }
}

const table = new LiveTable(byId("orders-table"), {
  columns, label: t("Orders"), className: "orders-table", sort: { key: "time", down: true }, empty: t("No order is open"), detail: { update: fillDetail },
});

const EMPTY = { open: t("No order is open"), closed: t("No order has ended"), "": t("No order was given yet") };

function show() {
  if (list.error && !list.known.size) table.showError(list.error, () => list.again());
  if (list.loading) return;
  table.empty = wanted.symbol || picked().account || picked().group ? t("Nothing matches the filter") : EMPTY[wanted.state];
  table.update(new Map([...list.known].filter(([, row]) => fits(row))));
  table.order(true);
  byId("orders-more").hidden = list.nextAfter === null;
  setText(byId("orders-open"), number(counts.open ?? 0));
  setText(byId("orders-note"), counts.unknown ? t("{n} shown · {m} of unknown outcome", { n: number(table.count ?? 0), m: number(counts.unknown) }) : t("{n} shown", { n: number(table.count ?? 0) }));
  byId("cancel-all").disabled = !mayTrade || !counts.open;
}

/* Orders as they were given */
const parents = asked(["orders"], () => fetchParents({ limit: 20 }), 15_000);
const parentColumns = [
  { key: "more", label: "", node: parentExpander, change() {} },
  { key: "symbol", label: t("Symbol"), sticky: true, value: (row) => row.symbol, text: (row) => row.symbol },
  { key: "state", label: t("State"), value: (row) => row.state, node: () => h("span", { class: "badge" }), change: (cell, row) => showWord(cell.firstChild, PARENT_STATES[row.state] ?? ["", row.state]) },
  { key: "side", label: t("Side"), value: (row) => row.side, text: (row) => sideWord(row.side), tone: (row) => sideTone(row.side) },
  { key: "quantity", label: t("Quantity"), num: true, value: (row) => toNumber(row.quantity), text: (row) => exact(row.quantity) },
  { key: "filled", label: t("Filled"), unit: "%", num: true, value: filledShare, text: (row) => number(filledShare(row) * 100) },
  { key: "accounts", label: t("Accounts"), num: true, value: (row) => row.orders.length, text: (row) => number(row.orders.length) },
  { key: "strategy", label: t("Divided"), value: (row) => row.strategy, text: (row) => STRATEGIES[row.strategy] ?? row.strategy, tone: () => "muted" },
  { key: "time", label: t("Given"), value: (row) => row.id, text: (row) => dateTime(row.created_at).slice(5, 19), tone: () => "muted" },
];

function filledShare(row) {
  const whole = row.orders.reduce((sum, order) => sum + Number(order.quantity), 0);
  return whole ? row.orders.reduce((sum, order) => sum + Number(order.filled), 0) / whole : 0;
}

function parentExpander(row) {
  const button = h("button", { class: "expander", type: "button", "aria-expanded": "false", "aria-label": t("Parts of order {id}", { id: String(row.id) }) });
  button.addEventListener("click", () => button.setAttribute("aria-expanded", String(parentTable.toggleDetail(String(row.id)))));
  return button;
}

function fillParent(host, row) {
  const left = (row.plan.shares ?? []).filter((share) => share.reason).map((share) => h("p", { class: "muted" }, `${share.account}: ${told(share.reason)}`));
  host.replaceChildren(h("table", { class: "table", "aria-label": t("Parts of order {id}", { id: String(row.id) }) },
    h("tbody", {}, row.orders.map((order) => h("tr", {}, h("td", {}, order.account, " ", venueBadge(order.badge)), h("td", {}, wordBadge(ORDER_STATES[order.state] ?? ["", order.state], told(order.reason))),
      h("td", { class: "num" }, `${exact(order.filled)} / ${exact(order.quantity)}`), h("td", { class: "num" }, exact(order.average_price)), h("td", { class: "words muted" }, told(order.reason)))))), ...left);
}

const parentTable = new LiveTable(byId("parents-table"), {
  columns: parentColumns, label: t("As they were given"), className: "parents-list", sort: { key: "time", down: true }, empty: t("No order was given yet"), detail: { update: fillParent },
});
parents.onChange(() => {
  if (parents.value) parentTable.update(new Map(parents.value.parents.map((row) => [String(row.id), row])));
  else if (parents.error) parentTable.showError(parents.error, () => parents.refresh());
});

/* Filters */
const again = atMost(AGAIN_MS, () => list.again());

function changed() {
  const now = new URLSearchParams([["state", wanted.state], ["symbol", wanted.symbol], ["account", picked().account ?? ""]].filter(([key, value]) => value || key === "state"));
  history.replaceState(null, "", `${location.pathname}?${now}`);
  press();
  show();
  again();
}

function press() {
  for (const button of states.children) button.setAttribute("aria-pressed", String(button.dataset.state === wanted.state));
}

states.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  wanted.state = button.dataset.state;
  changed();
});
byId("orders-symbol").value = wanted.symbol;
byId("orders-symbol").addEventListener("input", (event) => {
  wanted.symbol = event.target.value.trim().toUpperCase();
  changed();
});
select.addEventListener("change", changed);
list.moreBy(byId("orders-more"));
byId("cancel-all").addEventListener("click", async (event) => {
  const { account, group } = picked();
  const body = { ...(account ? { accounts: [account] } : {}), ...(group ? { group } : {}), symbol: isWhole(wanted.symbol) ? wanted.symbol : "" };
  const text = t("{symbol} on {name}, conditional orders too.", { symbol: body.symbol || t("Every symbol"), name: account ?? group ?? t("every account") });
  await act(event.currentTarget, { title: t("Cancel all open orders?"), text, action: t("Cancel all"), danger: true, run: () => ask("orders/cancel_all", body), done: t("Cancelled") });
  list.again();
});

const accounts = accountsStore(30_000);
accounts.onChange(() => {
  if (!accounts.value) return;
  for (const one of accounts.value.accounts) groups.set(one.name, one.group);
  offerAccounts(select, accounts.value);
});
accountExports([[t("Orders as filtered"), "orders", values]]);
document.addEventListener("quantai:time", show);
document.addEventListener("quantai:ordered", () => { list.again(); parents.refresh(); });
setInterval(() => table.update(list.known, [...table.rows.keys()]), 1000);
press();
ticketButtons();
