/* Alerts: what was raised, how often, who knows of it; state and severity in the URL. */

import { alertStore, known, learn, rankOf } from "../alerts.js";
import { get, post, query } from "../api.js";
import { atMost, byId, h, setData, setText } from "../dom.js";
import { dateTime, duration, number } from "../format.js";
import { serverNow } from "../socket.js";
import { t } from "../strings.js";
import { LiveTable } from "../table.js";
import { told } from "../told.js";
import { toast } from "../ui.js";

const PAGE = 100;
const AGAIN_MS = 1_500;
const RANK_STEP = 1e14;
const SEVERITIES = { critical: ["bad", t("critical")], error: ["bad", t("error")], warning: ["warn", t("warning")], info: ["info", t("info")] };
const STATES = { open: ["bad", t("open")], acknowledged: ["info", t("acknowledged")], resolved: ["good", t("resolved")] };
const NOTHING = { open: t("No open alert"), acknowledged: t("No acknowledged alert"), resolved: t("Nothing was resolved yet"), "": t("No alert was raised yet") };
const mayAcknowledge = byId("alerts-card").dataset.mayAcknowledge === "yes";
const address = new URLSearchParams(location.search);
const wanted = {
  state: address.get("state") in NOTHING ? address.get("state") : "open",
  severity: address.get("severity") in SEVERITIES ? address.get("severity") : "",
};
const busy = new Set();
let nextAfter = null;
let turn = 0;

/* Table */
const ageOf = (row) => (serverNow() - row.last_at) / 1000;
const columns = [
  { key: "more", label: "", node: expander, change() {} },
  { key: "severity", label: t("Severity"), num: true, class: "start", value: (row) => rankOf(row) * RANK_STEP + row.last_at, node: () => h("span", { class: "badge" }), change: (cell, row) => showBadge(cell, SEVERITIES[row.severity]) },
  { key: "title", label: t("Alert"), sticky: true, value: (row) => row.title, text: (row) => told(row.title) },
  { key: "text", label: t("What happened"), text: (row) => told(row.text) },
  { key: "source", label: t("Source"), value: (row) => row.source, text: (row) => row.source, tone: () => "muted" },
  { key: "count", label: t("Raised"), unit: "×", num: true, value: (row) => row.count, text: (row) => number(row.count) },
  { key: "last", label: t("Last"), title: t("Time since it was last raised"), num: true, value: (row) => row.last_at, text: (row) => duration(ageOf(row)) },
  { key: "state", label: t("State"), value: (row) => row.state, node: () => h("span", { class: "badge" }), change: (cell, row) => showBadge(cell, STATES[row.state]) },
  { key: "action", label: "", node: acknowledgeButton, change: showAction },
];

function expander(row) {
  const button = h("button", { class: "expander", type: "button", "aria-expanded": "false", "aria-label": t("Details of {id}", { id: told(row.title) }) });
  button.addEventListener("click", () => button.setAttribute("aria-expanded", String(table.toggleDetail(String(row.id)))));
  return button;
}

function showBadge(cell, [tone, name]) {
  setData(cell.firstChild, "tone", tone);
  setText(cell.firstChild, name);
}

function acknowledgeButton(row) {
  return h("button", {
    class: "button small", type: "button", "data-action": "acknowledge", disabled: !mayAcknowledge,
    title: mayAcknowledge ? t("Say that you know of it") : t("Your role may look, not acknowledge."),
    onclick: () => acknowledge(String(row.id)),
  }, t("Acknowledge"));
}

function showAction(cell, row) {
  const button = cell.firstChild;
  button.hidden = row.state !== "open";
  button.setAttribute("aria-busy", String(busy.has(String(row.id))));
}

function fillDetail(host, row) {
  if (host.dataset.revision === String(row.revision)) return;
  host.dataset.revision = row.revision;
  const facts = [
    [t("What happened"), told(row.text)], [t("What to do"), told(row.advice)],
    [t("First raised"), dateTime(row.first_at)], [t("Last raised"), dateTime(row.last_at)],
    [t("Acknowledged"), row.acknowledged_at ? t("{time} by {name}", { time: dateTime(row.acknowledged_at), name: row.acknowledged_by }) : ""],
    [t("Resolved"), row.resolved_at ? dateTime(row.resolved_at) : ""], [t("Key"), row.key],
  ].filter(([, value]) => value);
  host.replaceChildren(h("dl", { class: "facts" }, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
}

const table = new LiveTable(byId("alerts-table"), {
  columns,
  label: t("Alerts"),
  className: "alerts-table",
  sort: { key: "severity", down: true },
  empty: NOTHING[wanted.state],
  detail: { update: fillDetail },
});

const fits = (row) => (!wanted.state || row.state === wanted.state) && (!wanted.severity || row.severity === wanted.severity);

const shownRows = () => new Map([...known].filter(([, row]) => fits(row)));

function show() {
  const rows = shownRows();
  table.empty = wanted.severity ? t("Nothing matches the filter") : NOTHING[wanted.state];
  table.update(rows);
  table.order(true);
  byId("alerts-more").hidden = nextAfter === null;
  setText(byId("alerts-note"), t("{n} shown", { n: number(rows.size) }));
}

/* Rows over HTTP: the first page again after every change, older ones on request. */
async function load(after = null) {
  const mine = ++turn;
  const values = { limit: PAGE };
  for (const key of ["state", "severity"]) if (wanted[key]) values[key] = wanted[key];
  if (after !== null) values.after = after;
  try {
    const answer = await get(query("/alerts", values));
    if (mine !== turn) return;
    learn(answer.alerts);
    // The first page asked again says nothing of how far the older ones were read.
    if (after !== null || !reachedFurther(answer)) nextAfter = answer.next_after;
    showTotals(answer.totals);
    show();
  } catch (error) {
    if (mine === turn) table.showError(error, () => load());
  }
}

const reachedFurther = (answer) => nextAfter !== null && answer.next_after !== null && nextAfter < answer.next_after;

function showTotals(totals) {
  for (const box of document.querySelectorAll("[data-count]")) setText(box, number(totals[box.dataset.count]));
}

async function acknowledge(id) {
  busy.add(id);
  table.update(shownRows(), [id]);
  try {
    const row = await post(`/alerts/${id}/acknowledge`);
    learn([row]);
    toast(t("Acknowledged"), told(row.title), "good");
  } catch (error) {
    toast(t("That did not work"), error.message, "bad");
  }
  busy.delete(id);
  show();
  again();
}

const again = atMost(AGAIN_MS, () => load());

/* Filters */
function choose(group, key, value) {
  wanted[key] = value;
  for (const button of group.children) button.setAttribute("aria-pressed", String(button.dataset[key] === value));
}

for (const [id, key] of [["alert-states", "state"], ["alert-severities", "severity"]]) {
  const group = byId(id);
  choose(group, key, wanted[key]);
  group.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    choose(group, key, button.dataset[key]);
    remember();
    nextAfter = null;
    show();
    load();
  });
}

function remember() {
  const values = new URLSearchParams();
  if (wanted.state !== "open") values.set("state", wanted.state);
  if (wanted.severity) values.set("severity", wanted.severity);
  history.replaceState(null, "", `${location.pathname}${values.size ? `?${values}` : ""}`);
}

byId("alerts-locked").hidden = mayAcknowledge;
byId("alerts-more").addEventListener("click", () => load(nextAfter));
alertStore.onChange(() => {
  if (table.loaded) show();
  again();
});
document.addEventListener("quantai:time", show);
setInterval(() => table.update(shownRows(), [...table.rows.keys()]), 1000);
load();
