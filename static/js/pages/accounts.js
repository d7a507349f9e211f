/* Accounts: a card each, their groups, what they are worth; asked again by itself. */

import { accountsStore, act, ask, ASSET, cash, exact, filled, gain, gainTone, groupWords, known, LOCKED, mayTrade, typeName, venueBadge } from "../accounts.js";
import { get, query } from "../api.js";
import { byId, h, setText } from "../dom.js";
import { ago, number } from "../format.js";
import { watchPage } from "../freshness.js";
import { leverageDialog } from "../leverage_dialog.js";
import { ticketButtons } from "../order_ticket.js";
import { serverNow } from "../socket.js";
import { sparkline } from "../sparkline.js";
import { t } from "../strings.js";
import { told as translated } from "../told.js";
import { setTile, skeletonRows, stateBox } from "../ui.js";

const STALE_MS = 30_000;
const CURVES_MS = 60_000;
const CURVES_DAYS = 7;
const DAY_MS = 86_400_000;
const TILES = ["equity", "wallet", "open", "accounts", "positions", "orders"];
const store = accountsStore();
let curves = {};

const age = (at) => (at === null || at === undefined ? t("never") : ago((serverNow() - at) / 1000));

function fact(name, value, tone = "") {
  return [h("dt", {}, name), h("dd", { class: tone }, value)];
}

function keyFact(one) {
  if (one.mode === "paper") return fact(t("Key", { of: "accounts" }), t("needs none"));
  if (!one.key_hint) return fact(t("Key", { of: "accounts" }), t("none"), "warn");
  const passed = one.key_check?.passed;
  const verdict = one.key_checked_at === null ? t("never checked") : passed ? t("checked {age}", { age: age(one.key_checked_at) }) : t("check failed {age}", { age: age(one.key_checked_at) });
  const bad = (one.key_check?.findings ?? []).filter((finding) => finding.level === "failed" || finding.level === "warning").map((finding) => translated(finding.text));
  return fact(t("Key", { of: "accounts" }), [one.key_hint, verdict, ...bad].join(" · "), one.key_checked_at === null || (passed && !bad.length) ? "" : passed ? "warn" : "critical");
}

function comparedFact(one) {
  if (!one.reconciled) return fact(t("Compared"), t("not yet"), "faint");
  const { at, differences, problem } = one.reconciled;
  if (problem) return fact(t("Compared"), `${translated(problem)} · ${age(at)}`, "critical");
  const found = differences.length ? t("{n} mended", { n: number(differences.length) }) : t("equal");
  return fact(t("Compared"), `${found} · ${age(at)}`, differences.length ? "warn" : "");
}

function card(one) {
  const others = Object.entries(one.other_balances).map(([asset, held]) => `${exact(held)} ${asset}`).join(", ");
  return h("article", { class: `card account-card${one.enabled ? "" : " is-off"}`, "data-account": one.name, "aria-label": one.name },
    h("div", { class: "card-head" }, h("h2", {}, one.name), venueBadge(one.badge), one.enabled ? null : h("span", { class: "badge", "data-tone": "warn" }, t("disabled")),
      h("span", { class: "card-note" }, [typeName(one.type), one.group, `× ${exact(one.weight)}`].filter(Boolean).join(" · "))),
    h("div", { class: "card-body stack" },
      h("div", { class: "account-worth" },
        h("p", {}, h("span", { class: "account-equity" }, cash(one.equity)), h("span", { class: "unit" }, ASSET), h("span", { class: `account-open ${gainTone(one.open_profit)}` }, gain(one.open_profit), h("span", { class: "unit" }, t("open", { of: "profits" })))),
        sparkline(curves[one.name] ?? [], t("Equity of the last {n} days", { n: CURVES_DAYS }))),
      one.refusal ? h("p", { class: "warn" }, translated(one.refusal)) : null,
      h("dl", { class: "facts" },
        fact(t("Wallet"), `${cash(one.wallet)} ${ASSET}`), fact(t("Free"), `${cash(one.available)} ${ASSET}`),
        others ? fact(t("Beside it"), others) : [],
        fact(t("Positions"), h("a", { href: `${document.body.dataset.positionsPage}?account=${encodeURIComponent(one.name)}` }, number(one.positions))),
        fact(t("Orders open"), h("a", { href: `${document.body.dataset.ordersPage}?account=${encodeURIComponent(one.name)}` }, number(one.open_orders))),
        fact(t("Position mode"), one.position_mode === "hedge" ? t("hedge") : t("one-way")), keyFact(one), comparedFact(one))),
    h("div", { class: "card-foot row" }, actions(one)));
}

function actions(one) {
  const button = (words, run, more = {}) => h("button", { class: "button small", type: "button", disabled: !mayTrade, title: mayTrade ? "" : LOCKED, onclick: (event) => run(event.currentTarget), ...more }, words);
  const found = [button(t("Compare now"), (it) => act(it, {
    title: t("Compare {name} with the exchange?", { name: one.name }), text: t("Orders, positions and balances are asked for; what differs is mended and shown."), action: t("Compare"),
    run: () => ask("reconcile", { accounts: [one.name] }), done: t("Compared"),
  }).then(() => store.refresh()), { "data-action": "reconcile" })];
  found.push(button(t("Leverage"), () => leverageDialog(one.name), { "data-action": "leverage" }));
  if (one.mode === "paper") {
    found.push(button(t("Begin anew"), (it) => act(it, {
      title: t("Begin {name} anew?", { name: one.name }), text: t("Its orders and positions go, and it has {n} {asset} again.", { n: cash(one.starting_balance), asset: ASSET }), action: t("Begin anew"), danger: true,
      run: () => ask("paper_reset", { accounts: [one.name] }), done: t("It begins anew"),
    }).then(() => store.refresh()), { "data-action": "reset" }));
  } else {
    const hedge = one.position_mode !== "hedge";
    found.push(button(hedge ? t("To hedge mode") : t("To one-way mode"), (it) => act(it, {
      title: hedge ? t("Switch {name} to hedge mode?", { name: one.name }) : t("Switch {name} to one-way mode?", { name: one.name }), text: t("The exchange refuses it while the account holds positions or open orders."), action: t("Switch"),
      run: () => ask("position_mode", { accounts: [one.name], hedge }), done: t("Switched"),
    }).then(() => store.refresh()), { "data-action": "mode" }));
  }
  return found;
}

function showGroups({ groups }) {
  byId("groups").replaceChildren(...groups.map((group) => h("div", { class: "group", "data-group": group.name },
    h("p", {}, h("b", {}, group.name), h("span", { class: "faint" }, ` ${t("accounts: {n}", { n: number(group.accounts) })}`)),
    h("p", {}, cash(group.equity), h("span", { class: "unit" }, ASSET), h("span", { class: gainTone(group.open_profit) }, ` ${gain(group.open_profit)}`)),
    h("p", { class: "faint" }, groupWords(group.description)))));
}

function showTiles({ totals, accounts }) {
  const sum = (name) => number(accounts.reduce((total, one) => total + one[name], 0));
  const unknown = totals.unknown ? t("{n} not known", { n: number(totals.unknown) }) : t("of {n} accounts", { n: number(totals.accounts) });
  setTile("equity", cash(totals.equity), { unit: ASSET, note: unknown, tone: totals.unknown ? "warn" : "" });
  setTile("wallet", cash(totals.wallet), { unit: ASSET, note: t("without open profit") });
  setTile("open", gain(totals.open_profit), { unit: ASSET, tone: gainTone(totals.open_profit), note: t("by mark price where it is fresh") });
  setTile("accounts", `${number(totals.enabled)} / ${number(totals.accounts)}`, { note: t("enabled ones trade") });
  setTile("positions", sum("positions"), { note: t("over all accounts") });
  setTile("orders", sum("open_orders"), { note: t("over all accounts") });
}

function show() {
  const told = store.value;
  if (!told) {
    if (store.error) byId("accounts-state").replaceChildren(stateBox("error", t("Could not load"), store.error.message, () => store.refresh()));
    return;
  }
  showTiles(told);
  showGroups(told);
  // A button at work must not be replaced under its answer.
  if (byId("account-cards").querySelector("[aria-busy='true']")) return showNote();
  const wanted = byId("accounts-filter").value.trim().toLowerCase();
  const shown = told.accounts.filter((one) => [one.name, one.group ?? "", one.badge, one.type].join(" ").toLowerCase().includes(wanted));
  const focused = document.activeElement?.closest?.("[data-account]")?.dataset.account;
  const action = document.activeElement?.dataset?.action;
  byId("account-cards").replaceChildren(...shown.map(card));
  if (focused && action) byId("account-cards").querySelector(`[data-account="${CSS.escape(focused)}"] [data-action="${action}"]`)?.focus();
  const nothing = told.accounts.length ? t("Nothing matches the filter") : t("No account yet");
  byId("accounts-state").replaceChildren(...(shown.length ? [] : [stateBox("empty", nothing, told.accounts.length ? "" : t("An administrator adds one under “Manage accounts”."))]));
  byId("reconcile-all").disabled = !mayTrade || !told.accounts.length;
  showNote();
}

function showNote() {
  const since = store.newestAt === null ? "" : ago((Date.now() - store.newestAt) / 1000);
  const problem = store.value && known(store.value.prices_problem) ? ` · ${translated(store.value.prices_problem)}` : "";
  setText(byId("accounts-note"), since + problem);
  for (const id of TILES) byId(`tile-${id}`).classList.toggle("is-stale", store.newestAt !== null && Date.now() - store.newestAt > STALE_MS);
}

async function loadCurves() {
  try {
    ({ curves } = await get(query("/accounts/equity", filled({ since: String(Date.now() - CURVES_DAYS * DAY_MS) }))));
    show();
  } catch (error) {
    console.warn("no curves:", error.message);
  }
}

byId("accounts-filter").addEventListener("input", show);
byId("reconcile-all").addEventListener("click", (event) => act(event.currentTarget, {
  title: t("Compare all accounts with the exchange?"), text: t("Orders, positions and balances are asked for; what differs is mended and shown."), action: t("Compare"),
  run: () => ask("reconcile", {}), done: t("Compared"),
}).then(() => store.refresh()));
byId("account-cards").replaceChildren(skeletonRows(6));
store.onChange(show);
document.addEventListener("quantai:ordered", () => store.refresh());
document.addEventListener("quantai:time", show);
watchPage("accounts", () => store.newestAt, STALE_MS);
setInterval(showNote, 1000);
loadCurves();
setInterval(loadCurves, CURVES_MS);
ticketButtons();
