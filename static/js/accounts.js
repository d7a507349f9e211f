/* Accounts, orders, fills and positions: their stores, their words, how money reads. */

import { get, patch, post, query, remove } from "./api.js";
import { asked } from "./asked.js";
import { h, setData, setText } from "./dom.js";
import { NONE, number, signed } from "./format.js";
import { t } from "./strings.js";
import { fieldName, told } from "./told.js";
import { confirmAction, toast } from "./ui.js";

export const mayTrade = document.body.dataset.mayControl === "yes";
export const LOCKED = t("Your role may look, not trade.");
export const ASSET = "USDT";
const WAIT_MS = 45_000;

/* Words: tone and name */
export const ORDER_STATES = {
  journalled: ["info", t("written down")],
  sent: ["info", t("sent")],
  unknown: ["warn", t("outcome unknown")],
  held: ["info", t("waits for its trigger")],
  new: ["info", t("open", { of: "orders" })],
  partially_filled: ["info", t("partly filled")],
  filled: ["good", t("filled", { of: "orders" })],
  canceled: ["", t("cancelled", { of: "orders" })],
  expired: ["", t("expired")],
  rejected: ["bad", t("rejected")],
  never_sent: ["bad", t("never sent")],
};
export const PARENT_STATES = {
  working: ["info", t("at work")],
  done: ["good", t("done")],
  partial: ["warn", t("done in part")],
  failed: ["bad", t("failed")],
  unwound: ["warn", t("closed again")],
};
export const OUTCOMES = {
  done: ["good", t("done")],
  refused: ["bad", t("refused")],
  unknown: ["warn", t("outcome unknown")],
  not_sent: ["warn", t("not sent")],
  skipped: ["", t("left out")],
};
export const ORDER_TYPES = {
  MARKET: t("Market"),
  LIMIT: t("Limit"),
  STOP_MARKET: t("Stop, market"),
  STOP: t("Stop, limit"),
  TAKE_PROFIT_MARKET: t("Take profit, market"),
  TAKE_PROFIT: t("Take profit, limit"),
  TRAILING_STOP_MARKET: t("Trailing stop"),
};
export const STRATEGIES = { weighted: t("by weight"), equal: t("equally"), risk_based: t("by risk") };
/** Why an account was compared with its exchange. */
export const CAUSES = {
  start: t("at the start"),
  periodic: t("now and then"),
  reconnect: t("after a reconnect"),
  fills: t("after fills"),
  asked: t("on request"),
  "unknown outcome": t("after an unknown outcome"),
};
/** Descriptions of the groups that exist from the start; others are people's own words. */
const GROUPS = {
  "Takes more than its part": t("Takes more than its part"),
  "Takes less than its part": t("Takes less than its part"),
  Neither: t("Neither"),
};
const TYPES = { PRIMARY: t("primary"), SECONDARY: t("secondary"), ARBITRAGE: t("arbitrage"), HEDGE: t("hedge") };
export const SOURCES = { mark: t("mark price"), last: t("last trade"), mid: t("middle of the book") };
export const orderType = (type) => ORDER_TYPES[type] ?? type.toLowerCase().replaceAll("_", " ");
export const groupWords = (description) => GROUPS[description] ?? description;
export const typeName = (type) => TYPES[type] ?? type;
export const sourceName = (source) => SOURCES[source] ?? NONE;
export const sideWord = (side) => (side === "BUY" ? `▲ ${t("buy")}` : `▼ ${t("sell")}`);
export const sideTone = (side) => (side === "BUY" ? "up" : "down");

export function wordBadge([tone, name], title = "") {
  return h("span", { class: "badge", "data-tone": tone, title }, name);
}

export function showWord(badge, [tone, name], title = "") {
  setData(badge, "tone", tone);
  setText(badge, name);
  badge.title = title;
}

/** PAPER, SIMULATED, TESTNET or LIVE. */
export const venueBadge = (badge) => h("span", { class: "badge plain account-badge", "data-venue": badge }, badge);

/* Money: text from the server, shown with its digits, never added up in binary where it counts. */
export const known = (text) => text !== null && text !== undefined && text !== "";
export const toNumber = (text) => (known(text) ? Number(text) : null);

/** A quantity as it was told, grouped, with a real minus sign. */
export function exact(text) {
  if (!known(text)) return NONE;
  const [whole, part] = String(text).replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${String(text).startsWith("-") ? "−" : ""}${grouped}${part ? `.${part}` : ""}`;
}

export const cash = (text, digits = 2) => (known(text) ? number(Number(text), digits).replace("-", "−") : NONE);
export const gain = (text, digits = 2) => signed(toNumber(text), digits);
export const gainTone = (text) => (Number(text) > 0 ? "up" : Number(text) < 0 ? "down" : "");
export const percent = (share, digits = 2) => (share === null || share === undefined ? NONE : signed(share * 100, digits));

/* REST and topics */
export const filled = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined));
export const fetchOrders = (values) => get(query("/accounts/orders", filled(values)));
export const fetchTrades = (values) => get(query("/accounts/trades", filled(values)));
export const fetchParents = (values) => get(query("/accounts/parents", filled(values)));
export const fetchPnl = (values) => get(query("/accounts/pnl", filled(values)), { timeout: WAIT_MS });
export const fetchPerformance = (values) => get(query("/accounts/performance", filled(values)), { timeout: WAIT_MS });
export const accountsStore = (every = 5_000) => asked(["positions"], () => get("/accounts"), every);
export const positionsStore = (values = {}) => asked(["positions"], () => get(query("/accounts/positions", filled(values))), 5_000);

/** A key under which a write may be repeated without doing it twice. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const withKey = (body, key) => ({ body, timeout: WAIT_MS, headers: { "Idempotency-Key": key ?? newKey() } });
export const previewOrder = (body) => post("/accounts/orders/preview", { body, timeout: WAIT_MS });
export const sendOrder = (body, key) => post("/accounts/orders", withKey(body, key));
export const cancelOrder = (id) => remove(`/accounts/orders/${id}`, withKey(undefined));
export const amendOrder = (id, body) => patch(`/accounts/orders/${id}`, withKey(body));
export const ask = (path, body) => post(`/accounts/${path}`, withKey(body));

/** What the trader answered on each account, in one line; only what is no plain success. */
export function troubles(answer) {
  return (answer.result?.accounts ?? []).filter((one) => one.outcome !== "done").map((one) => `${one.account}: ${told(one.message || one.outcome)}`);
}

/** Words of an error with what each account said; a rule that the words hold is not said again. */
export function errorText(error) {
  const lines = (error.details ?? []).map((one) => {
    if (one.account) return `${one.account}: ${one.message}`;
    return one.rule && !error.message.includes(one.rule) ? `${fieldName(one.field)}: ${one.rule}` : "";
  });
  return [error.message, ...lines.filter((line) => line && !error.message.includes(line))].join(" · ");
}

/** Ask, do, tell: the way of every button that changes something. */
export async function act(button, { title, text, action, danger = false, run, done }) {
  if (!(await confirmAction({ title, text, action, danger }))) return false;
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  let well = false;
  try {
    const answer = await run();
    const trouble = troubles(answer);
    if (answer.state === "waiting" || answer.state === "taken") toast(t("Still under way"), t("The trader has not answered yet."), "warn");
    else if (trouble.length) toast(t("Done in part"), trouble.join(" · "), "warn");
    else toast(done, "", "good");
    well = true;
  } catch (error) {
    toast(t("Not done"), errorText(error), "bad");
  }
  button.setAttribute("aria-busy", "false");
  button.disabled = false;
  return well;
}
