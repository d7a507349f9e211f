/* The form of an order: which fields a type has, who gets it, errors at their fields. */

import { ASSET, cash, exact, ORDER_TYPES, STRATEGIES, venueBadge } from "./accounts.js";
import { h, setText } from "./dom.js";
import { ago, number, price } from "./format.js";
import { quotes } from "./quotes.js";
import { t } from "./strings.js";

const PRICED = new Set(["LIMIT", "STOP", "TAKE_PROFIT"]);
const TRIGGERED = new Set(["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"]);
/** Field of the form → types that have it; the others always are there. */
const SHOWN = {
  price: (type) => PRICED.has(type),
  time_in_force: (type) => PRICED.has(type),
  stop_price: (type) => TRIGGERED.has(type),
  callback_rate: (type) => type === "TRAILING_STOP_MARKET",
};
/** From the badge that matters most to the least. */
const BADGES = ["LIVE", "TESTNET", "SIMULATED", "PAPER"];
const RENAMED = { order_type: "type" };
const number_ = (text) => text.trim().replaceAll(",", "").replace("−", "-");

function field(name, label, control, { wide = false, unit = "" } = {}) {
  const id = `ticket-${name}`;
  control.id = id;
  control.setAttribute("name", name);
  return h("div", { class: `field${wide ? " wide" : ""}`, "data-field": name },
    h("label", { for: id }, label, unit ? h("span", { class: "unit", "data-unit": name }, unit) : null), control, h("p", { class: "field-error", hidden: true }));
}

const text = (value = "", more = {}) => h("input", { class: "input", autocomplete: "off", spellcheck: "false", inputmode: "decimal", value, ...more });
const choice = (options, value) => h("select", { class: "input" }, options.map(([key, name]) => h("option", { value: key, selected: key === value }, name)));

/** Radio buttons that look like segments. */
function segments(name, label, options, value) {
  const radios = options.map(([key, words]) => h("label", { class: "segment" },
    h("input", { type: "radio", name, value: key, checked: key === value, class: "visually-hidden" }), h("span", {}, words)));
  return h("fieldset", { class: "field segment-field", "data-field": name }, h("legend", {}, label), h("div", { class: "segments" }, radios), h("p", { class: "field-error", hidden: true }));
}

/** The form with `offer(overview)`, `badges()` of the chosen, `showError(error)`, `clearErrors()`, `failed(error)`. */
export function ticketForm(wish) {
  const symbols = h("datalist", { id: "ticket-symbols" }, [...quotes().items.keys()].sort().map((name) => h("option", { value: name })));
  const people = h("div", { class: "ticket-accounts", role: "group", "aria-label": t("Accounts") }, h("span", { class: "skeleton" }));
  const form = h("form", { class: "ticket-form", id: "ticket-form", novalidate: true },
    h("div", { class: "fields" },
      field("symbol", t("Symbol"), text(wish.symbol ?? "", { list: "ticket-symbols", autocapitalize: "characters", inputmode: "text", required: true })), symbols,
      segments("side", t("Side"), [["BUY", `▲ ${t("Buy")}`], ["SELL", `▼ ${t("Sell")}`]], wish.side ?? "BUY"),
      field("type", t("Type"), choice(Object.entries(ORDER_TYPES), wish.type ?? "MARKET")),
      field("quantity", t("Quantity over all accounts"), text(wish.quantity ?? "", { required: true })),
      field("price", t("Limit price"), text(wish.price ?? ""), { unit: ASSET }),
      field("stop_price", t("Trigger price"), text(""), { unit: ASSET }),
      field("callback_rate", t("Distance"), text("1"), { unit: "%" }),
      field("time_in_force", t("Valid"), choice([["GTC", t("until cancelled")], ["IOC", t("at once, the rest goes")], ["FOK", t("at once and whole")], ["GTX", t("only as maker")]], "GTC")),
      field("position_side", t("Position"), choice([["BOTH", t("one-way mode")], ["LONG", t("long, hedge mode")], ["SHORT", t("short, hedge mode")]], wish.position_side ?? "BOTH")),
      h("div", { class: "field check-field" }, h("label", { class: "row" }, h("input", { type: "checkbox", name: "reduce_only", checked: wish.reduce_only === "true" }), t("Only reduce"))),
      segments("strategy", t("Divided"), Object.entries(STRATEGIES), "weighted"),
      segments("policy", t("When some fail"), [["continue", t("the others stay")], ["unwind", t("close them again")]], "continue")),
    h("fieldset", { class: "form-part", "data-field": "accounts" }, h("legend", {}, t("Accounts")), people, h("p", { class: "field-error", hidden: true })));
  form.offer = (told) => offer(people, told, wish);
  form.badges = () => BADGES.filter((badge) => form.querySelector(`input[name=accounts][data-badge=${badge}]:checked`));
  form.failed = (error) => people.replaceChildren(h("p", { class: "critical" }, error.message));
  form.clearErrors = () => clearErrors(form);
  form.showError = (error) => showError(form, error);
  form.addEventListener("change", () => arrange(form));
  arrange(form);
  return form;
}

/** Show what the chosen type has. */
function arrange(form) {
  const type = form.elements.namedItem("type").value;
  for (const [name, has] of Object.entries(SHOWN)) form.querySelector(`[data-field="${name}"]`).hidden = !has(type);
}

/** Accounts to tick, the enabled ones ticked unless the wish names some. */
function offer(host, told, wish) {
  const asked = wish.accounts ? wish.accounts.split(",") : null;
  if (!told.accounts.length) return host.replaceChildren(h("p", { class: "muted" }, t("There is no account yet.")));
  const boxes = told.accounts.map((one) => h("label", { class: "ticket-account" },
    h("input", { type: "checkbox", name: "accounts", value: one.name, "data-badge": one.badge, checked: asked ? asked.includes(one.name) : one.enabled, disabled: !one.enabled && !asked?.includes(one.name) }),
    h("span", {}, one.name, " ", venueBadge(one.badge), h("span", { class: "faint" }, [one.group, `× ${exact(one.weight)}`, t("{n} {asset} free", { n: cash(one.available), asset: ASSET })].filter(Boolean).join(" · ")))));
  const groups = told.groups.filter((group) => group.accounts > 0);
  const pick = (wanted) => {
    for (const box of host.querySelectorAll("input[name=accounts]")) {
      box.checked = !box.disabled && wanted(told.accounts.find((one) => one.name === box.value));
    }
    host.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const shortcuts = [[t("all"), () => true], [t("none"), () => false], ...groups.map((group) => [group.name, (one) => one.group === group.name])];
  host.replaceChildren(
    h("div", { class: "row" }, shortcuts.map(([name, wanted]) => h("button", { class: "button small", type: "button", onclick: () => pick(wanted) }, name))),
    h("div", { class: "ticket-account-list" }, boxes));
}

/** What the form says, as REST wants it. */
export function valuesOf(form) {
  const data = new FormData(form);
  const type = data.get("type");
  const body = {
    symbol: data.get("symbol").trim().toUpperCase(), side: data.get("side"), type, quantity: number_(data.get("quantity")) || "0",
    position_side: data.get("position_side"), reduce_only: data.get("reduce_only") !== null, strategy: data.get("strategy"), policy: data.get("policy"), accounts: data.getAll("accounts"),
  };
  for (const name of Object.keys(SHOWN)) {
    const value = name === "time_in_force" ? data.get(name) : number_(data.get(name));
    if (SHOWN[name](type) && value) body[name] = value;
  }
  return body;
}

/** What the quantity is about worth now. */
export function quantityHint(form, quote) {
  const { symbol, quantity, price: limit } = valuesOf(form);
  if (!symbol) return t("Which contract?");
  if (!quote) return t("No price of {symbol} is known.", { symbol });
  const at = Number(limit) || (quote.b && quote.a ? (quote.b + quote.a) / 2 : quote.p);
  const worth = Number(quantity) * at;
  const facts = [t("bid {bid} · ask {ask}", { bid: price(quote.b, quote.tick_size), ask: price(quote.a, quote.tick_size) }), ago((Date.now() - quote.at) / 1000), quote.step_size ? t("step {step}", { step: quote.step_size }) : ""];
  if (Number.isFinite(worth) && worth > 0) facts.unshift(t("about {worth} {asset}", { worth: number(worth, 2), asset: ASSET }));
  return facts.filter(Boolean).join(" · ");
}

function clearErrors(form) {
  for (const note of form.querySelectorAll(".field-error")) note.hidden = true;
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

/** Put what REST says of a field beside it; the first one gets the focus. */
function showError(form, error) {
  clearErrors(form);
  let first = null;
  for (const { field: named, rule } of error.details ?? []) {
    const name = String(named ?? "").split(".").at(-1);
    const host = form.querySelector(`[data-field="${RENAMED[name] ?? name}"]`);
    if (!host || !rule) continue;
    const note = host.querySelector(".field-error");
    note.hidden = false;
    setText(note, rule);
    const input = host.querySelector("input, select");
    input?.setAttribute("aria-invalid", "true");
    first ??= input;
  }
  first?.focus();
}
