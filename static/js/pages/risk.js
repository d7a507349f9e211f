/* Risk: what trading may do, the limits of every order, who changed them, and what the
   gate refused. */

import { exact, mayTrade, sideTone, sideWord } from "../accounts.js";
import { get, post, query } from "../api.js";
import { asked } from "../asked.js";
import { byId, h, setText } from "../dom.js";
import { ago, dateTime } from "../format.js";
import { watchAge, watchPage } from "../freshness.js";
import { byWhom, riskStore, STALE_MS, STATES } from "../risk.js";
import { t } from "../strings.js";
import { LiveTable } from "../table.js";
import { told as translated } from "../told.js";
import { skeletonRows, stateBox, toast } from "../ui.js";

const REFUSED = 100;
const REFUSED_EVERY_MS = 10_000;
const REFUSED_STALE_MS = 30_000;
const CHANGES = 50;
const ORDER = Object.keys(STATES);
const maySet = byId("risk").dataset.maySet === "yes";
const LIMITS = { max_notional: ["now-max-notional", t("Worth of one order")], quote_age_seconds: ["now-quote-age", t("Age of its price")] };
const CODES = {
  halted: t("trading is halted"),
  reducing: t("only reducing orders pass"),
  no_role: t("no right to trade"),
  no_permission: t("the key may not trade"),
  account_disabled: t("account disabled"),
  account_not_reconciled: t("account not compared yet"),
  mode_refused: t("trading mode forbids it"),
  no_quote: t("no price"),
  stale_quote: t("price too old"),
  max_notional: t("worth too much"),
};
const KINDS = { amend: t("change of an order"), close: t("closing") };

/* State */
/** Whoever trades may allow less; to allow more takes the role risk or admin. */
const mayChoose = (now, wanted) => mayTrade && (maySet || ORDER.indexOf(wanted) > ORDER.indexOf(now));

function lockedBecause(now, wanted) {
  if (mayChoose(now, wanted)) return STATES[wanted][2];
  return mayTrade ? t("The role risk or admin may allow more again.") : t("Your role may look, not change.");
}

function showState() {
  const told = riskStore.value;
  if (!told) {
    if (riskStore.error) byId("state-now").replaceChildren(stateBox("error", t("Could not load"), riskStore.error.message, () => riskStore.refresh()));
    return;
  }
  const [tone, name, meaning] = STATES[told.state];
  const key = JSON.stringify([told, document.documentElement.lang, dateTime(told.changed_at)]);
  if (byId("state-now").dataset.key === key) return;
  byId("state-now").dataset.key = key;
  byId("state-now").replaceChildren(h("div", { class: "card-body risk-state", "data-tone": tone },
    h("p", { class: "risk-word" }, told.state, name.toUpperCase() === told.state ? null : h("span", { class: "muted" }, name)),
    h("p", {}, meaning),
    h("dl", { class: "facts" },
      h("dt", {}, t("Reason")), h("dd", {}, told.reason || "–"),
      h("dt", {}, t("Set")), h("dd", {}, byWhom(told) || t("never changed")))));
  showChoices(told.state);
}

function showChoices(now) {
  const host = byId("state-choices");
  host.hidden = false;
  const focused = host.contains(document.activeElement) ? document.activeElement.dataset.state : null;
  host.replaceChildren(...ORDER.filter((state) => state !== now).map((state) => h("button", {
    class: "button", type: "button", "data-state": state, "data-kind": state === "HALTED" ? "danger" : null,
    disabled: !mayChoose(now, state), title: lockedBecause(now, state), onclick: () => stateDialog(now, state),
  }, { ACTIVE: t("Allow all trading"), REDUCING: t("Only reduce"), HALTED: t("Halt trading") }[state])));
  if (focused) (host.querySelector(`[data-state="${focused}"]`) ?? host.querySelector("button:enabled"))?.focus();
}

/** Ask for a reason, then set it; what the server says stands in the dialog. */
function stateDialog(now, wanted) {
  const [, , meaning] = STATES[wanted];
  const reason = h("textarea", { class: "input", id: "state-reason", rows: "2", maxlength: "300", required: true, "aria-describedby": "state-problem" });
  const problem = h("p", { class: "field-error", id: "state-problem", role: "alert", hidden: true });
  const confirm = h("button", { class: "button", type: "submit", "data-kind": wanted === "HALTED" ? "danger" : "primary" }, t("Set {state}", { state: wanted }));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "state-dialog-title" },
    h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); send(); } },
      h("div", { class: "dialog-body" },
        h("h2", { id: "state-dialog-title" }, t("From {now} to {wanted}?", { now, wanted })), h("p", { class: "muted" }, meaning),
        h("div", { class: "field" }, h("label", { for: "state-reason" }, t("Reason")), reason, problem)),
      h("div", { class: "dialog-actions" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, t("Cancel")), confirm)));
  const complain = (text) => {
    setText(problem, text);
    problem.hidden = false;
    reason.setAttribute("aria-invalid", "true");
    reason.focus();
  };

  async function send() {
    if (!reason.value.trim()) return complain(t("Say why."));
    confirm.disabled = true;
    confirm.setAttribute("aria-busy", "true");
    try {
      const told = await post("/risk/state", { body: { state: wanted, reason: reason.value.trim() } });
      dialog.close();
      toast(t("Trading: {state}", { state: STATES[told.state][1] }), told.reason, "good");
      refreshAll();
    } catch (error) {
      complain(ruleOf(error));
    }
    confirm.disabled = false;
    confirm.setAttribute("aria-busy", "false");
  }

  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
}

const ruleOf = (error) => error.details?.map((one) => one.rule).filter(Boolean).join(" · ") || error.message;

/* Limits */
const form = byId("limits-form");
const fields = Object.keys(LIMITS).map((name) => form.elements.namedItem(name));
const textOf = (input) => input.value.trim().replaceAll(",", "");
/** What the fields showed when nobody had touched them yet. */
const given = new Map();
const touched = () => fields.some((input) => textOf(input) !== given.get(input.name));

function showLimits() {
  const limits = riskStore.value?.limits;
  if (!limits) return;
  for (const input of fields) {
    const text = String(limits[input.name]);
    const untouched = input.value === (given.get(input.name) ?? "");
    given.set(input.name, text);
    if (untouched) input.value = text;
    input.disabled = !maySet;
    setText(byId(LIMITS[input.name][0]), t("in force: {value}", { value: exact(text) }));
  }
  showButtons();
}

function showButtons() {
  if (!maySet) return;
  form.elements.namedItem("reason").disabled = false;
  byId("limits-save").disabled = !touched();
  byId("limits-reset").disabled = !touched();
}

function clearErrors() {
  for (const note of form.querySelectorAll(".field-error")) note.hidden = true;
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

/** Each rule at its field, the first of them focused; the rest in a toast. */
function showErrors(error) {
  const rest = [];
  let first = null;
  for (const { field, rule } of error.details ?? []) {
    const host = form.querySelector(`[data-field="${String(field).split(".").at(-1)}"]`);
    if (!host) {
      rest.push(rule);
      continue;
    }
    const note = host.querySelector(".field-error");
    setText(note, rule);
    note.hidden = false;
    const input = host.querySelector("input");
    input.setAttribute("aria-invalid", "true");
    first ??= input;
  }
  first?.focus();
  if (!first || rest.length) toast(t("Not done"), rest.join(" · ") || error.message, "bad");
}

async function saveLimits() {
  const save = byId("limits-save");
  const reason = form.elements.namedItem("reason");
  const body = { reason: reason.value.trim() };
  for (const input of fields) if (textOf(input) !== given.get(input.name)) body[input.name] = textOf(input);
  clearErrors();
  save.disabled = true;
  save.setAttribute("aria-busy", "true");
  try {
    await post("/risk/limits", { body });
    // From here on the fields follow what the server says.
    for (const input of fields) given.set(input.name, input.value);
    reason.value = "";
    toast(t("Limits saved"), "", "good");
    refreshAll();
  } catch (error) {
    showErrors(error);
  }
  save.setAttribute("aria-busy", "false");
  showButtons();
}

if (maySet) {
  form.addEventListener("input", showButtons);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (touched()) saveLimits();
  });
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const input of fields) input.value = given.get(input.name);
    form.elements.namedItem("reason").value = "";
    clearErrors();
    showButtons();
  });
}

/* Changes */
const changes = asked(["risk"], async () => (await get(query("/risk/changes", { limit: CHANGES }))).changes, 30_000);

function changeLine({ at, actor, action, before, after }) {
  const state = action === "risk.state";
  const what = state ? [`${before} → ${after.state}`]
    : Object.entries(LIMITS).filter(([name]) => before[name] !== after[name]).map(([name, [, words]]) => `${words}: ${exact(before[name])} → ${exact(after[name])}`);
  return h("li", { "data-tone": state ? STATES[after.state][0] : "info" },
    h("time", { title: dateTime(at) }, dateTime(at).slice(5, 16)), h("span", { class: "mark", "aria-hidden": "true" }),
    h("span", { class: "what" }, what.join(" · "), h("span", { class: "muted" }, actor)),
    after.reason ? h("span", { class: "why" }, after.reason) : null);
}

function showChanges() {
  const host = byId("changes");
  if (changes.value?.length) host.replaceChildren(h("ol", { class: "timeline" }, changes.value.map(changeLine)));
  else if (changes.value) host.replaceChildren(stateBox("empty", t("Nothing was changed yet"), t("Who changes state or limits is named here.")));
  else if (changes.error) host.replaceChildren(stateBox("error", t("Could not load"), changes.error.message, () => changes.refresh()));
}

/* Refused orders */
const refusals = asked([], async () => (await get(query("/accounts/refusals", { limit: REFUSED }))).refusals, REFUSED_EVERY_MS);
const refusedTable = new LiveTable(byId("refused-table"), {
  columns: [
    { key: "at", label: t("Time"), num: true, class: "start", value: (row) => row.at, text: (row) => dateTime(row.at) },
    { key: "side", label: t("Side"), text: (row) => (row.side ? sideWord(row.side) : KINDS[row.kind] ?? ""), tone: (row) => (row.side ? sideTone(row.side) : "muted") },
    { key: "symbol", label: t("Contract"), value: (row) => row.symbol, text: (row) => row.symbol || (row.order ? `#${row.order}` : "–") },
    { key: "quantity", label: t("Quantity"), num: true, text: (row) => exact(row.quantity) },
    { key: "codes", label: t("Refused because"), node: () => h("span", { class: "row-actions" }), change: showCodes },
    { key: "accounts", label: t("Accounts"), text: (row) => row.accounts.join(", ") || "–" },
    { key: "actor", label: t("By"), value: (row) => row.actor, text: (row) => row.actor },
    { key: "message", label: t("What was said"), class: "words", text: (row) => translated(row.message), tone: () => "muted" },
  ],
  label: t("Refused orders"),
  sort: { key: "at", down: true },
  empty: t("The gate refused no order"),
});

function showCodes(cell, row) {
  const key = row.codes.join();
  if (cell.dataset.codes === key) return;
  cell.dataset.codes = key;
  cell.firstChild.replaceChildren(...row.codes.map((code) => h("span", { class: "badge plain", "data-tone": "bad", title: code }, CODES[code] ?? code)));
}

function showRefusals() {
  if (refusals.value) refusedTable.update(new Map(refusals.value.map((row) => [row.id, row])));
  else if (refusals.error) refusedTable.showError(refusals.error, () => refusals.refresh());
}

/* All of it */
function refreshAll() {
  riskStore.refresh();
  changes.refresh();
}

const age = (store) => (store.newestAt === null ? "" : ago((Date.now() - store.newestAt) / 1000));

function showAges() {
  setText(byId("state-note"), age(riskStore));
  setText(byId("refused-note"), age(refusals));
  setText(byId("changes-note"), age(changes));
}

byId("state-now").replaceChildren(skeletonRows(3));
byId("changes").replaceChildren(skeletonRows(6));
riskStore.onChange(() => {
  showState();
  showLimits();
});
changes.onChange(showChanges);
refusals.onChange(showRefusals);
showState();
showLimits();
watchAge(byId("state-now"), () => riskStore.newestAt, STALE_MS);
watchAge(byId("changes"), () => changes.newestAt, STALE_MS);
watchAge(refusedTable.scroller, () => refusals.newestAt, REFUSED_STALE_MS);
watchPage("risk", () => riskStore.newestAt, STALE_MS);
document.addEventListener("quantai:time", () => {
  showState();
  showChanges();
  showRefusals();
});
setInterval(showAges, 1000);
