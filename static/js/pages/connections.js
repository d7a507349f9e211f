/* Connections: state and history of every exchange connection, and their control. */

import { post } from "../api.js";
import { BESIDE, connectionStore, connectionTiles, nameOf, rowsOf, toneOf } from "../connections.js";
import { byId, h, setData, setText } from "../dom.js";
import { eventStore, timeline } from "../events.js";
import { exportMenu } from "../exports.js";
import { feed, feedStore } from "../feed.js";
import { showFeeds } from "../feeds.js";
import { clockTime, duration, number } from "../format.js";
import { watchPage } from "../freshness.js";
import { fillDetail } from "../connection_detail.js";
import { historyProgress } from "../history_progress.js";
import { incidentLegend, incidentPicture } from "../incidents.js";
import { patternList } from "../patterns.js";
import { t } from "../strings.js";
import { LiveTable } from "../table.js";
import { told } from "../told.js";
import { confirmAction, setTile, stateBox, staleTiles, toast } from "../ui.js";

const EVENTS = 100;
const STALE_MS = 10_000;
const RTT_SLOW_MS = 500;
const ERRORS = ["SSL", "NETWORK", "TIMEOUT", "PROTOCOL", "UNKNOWN"];
const mayControl = document.body.dataset.mayControl === "yes";
const store = connectionStore();
const busy = new Set();

/* Table */
const errorSum = (row) => Object.values(row.errors ?? {}).reduce((sum, value) => sum + value, 0);
const ageOf = (row) => (row.last_message_age_seconds ?? null) === null ? null : row.last_message_age_seconds + (Date.now() - row.at) / 1000;
const columns = [
  { key: "more", label: "", node: expander, change() {} },
  { key: "id", label: t("Connection"), sticky: true, value: (row) => row.id, text: (row) => row.id },
  { key: "route", label: t("Route"), value: (row) => row.route, text: (row) => row.route, tone: () => "muted" },
  { key: "state", label: t("State"), value: (row) => row.state, node: () => h("span", { class: "badge" }), change: showState },
  { key: "streams", label: t("Streams live"), num: true, value: (row) => row.streams_live, text: (row) => `${number(row.streams_live)} / ${number(row.streams_expected)}`, tone: (row) => (row.streams_live < row.streams_expected ? "warn" : "") },
  { key: "silent", label: t("Silent"), num: true, value: (row) => row.streams_silent, text: (row) => number(row.streams_silent), tone: (row) => (row.streams_silent ? "warn" : "faint") },
  { key: "rate", label: t("Messages"), unit: "/s", num: true, value: (row) => row.messages_per_second, text: (row) => number(row.messages_per_second, row.messages_per_second < 10 ? 1 : 0) },
  { key: "p50", label: "RTT p50", unit: "ms", title: t("Round trip of pings, median"), num: true, value: (row) => row.rtt_ms?.p50, text: (row) => number(row.rtt_ms?.p50, 1) },
  { key: "p99", label: "p99", unit: "ms", title: t("Round trip of pings, 99th percentile"), num: true, value: (row) => row.rtt_ms?.p99, text: (row) => number(row.rtt_ms?.p99, 1), tone: (row) => (row.rtt_ms?.p99 > RTT_SLOW_MS ? "warn" : "") },
  { key: "age", label: t("Last message"), num: true, value: ageOf, text: (row) => duration(ageOf(row)), tone: (row) => (ageOf(row) > 10 ? "warn" : "faint") },
  { key: "uptime", label: t("Uptime"), num: true, value: (row) => row.uptime_seconds, text: (row) => duration(row.uptime_seconds) },
  { key: "reconnects", label: t("Reconnects"), num: true, value: (row) => row.reconnects, text: (row) => number(row.reconnects) },
  { key: "errors", label: t("Errors"), value: errorSum, node: () => h("span", { class: "mix-cell" }, h("span", { class: "mix" }), h("span", { class: "faint" })), change: showErrors },
  { key: "action", label: "", node: reconnectButton, change: showAction },
];

function expander(row) {
  const button = h("button", { class: "expander", type: "button", "aria-expanded": "false", "aria-label": t("Details of {id}", { id: row.id }) });
  button.addEventListener("click", () => button.setAttribute("aria-expanded", String(table.toggleDetail(row.id))));
  return button;
}

function showState(cell, row) {
  const badge = cell.firstChild;
  setData(badge, "tone", toneOf(row.state));
  setText(badge, nameOf(row.state));
}

function showErrors(cell, row) {
  const [mix, total] = cell.firstChild.children;
  const sum = errorSum(row);
  const key = JSON.stringify(row.errors ?? {});
  if (cell.dataset.errors === key) return;
  cell.dataset.errors = key;
  const parts = ERRORS.filter((name) => row.errors?.[name]);
  mix.replaceChildren(...parts.map((name) => {
    const part = h("i", { "data-error": name });
    part.style.flex = String(row.errors[name]);
    return part;
  }));
  cell.title = parts.map((name) => `${name} ${row.errors[name]}`).join(", ") || t("no errors");
  setText(total, number(sum));
}

function reconnectButton(row) {
  return h("button", {
    class: "button small", type: "button", "data-action": "reconnect", disabled: !mayControl,
    title: mayControl ? t("Close this connection and open it again") : t("Your role may look, not switch."),
    onclick: () => reconnect(row.id),
  }, t("Reconnect"));
}

function showAction(cell, row) {
  cell.firstChild.setAttribute("aria-busy", String(busy.has(row.id)));
}

const table = new LiveTable(byId("connections-table"), {
  columns,
  label: t("Connections to the exchange"),
  className: "connections-table",
  sort: { key: "id", down: false },
  empty: t("No connection is open"),
  detail: { update: fillDetail },
});

/* Filter: by id, or by a stream that the connection carries */
const troubled = (row) => row.state !== "live" || row.streams_silent > 0 || row.consecutive_failures > 0;
const streamNames = (row) => (row.streams ?? []).map((stream) => stream.name ?? stream);

function applyFilter() {
  const text = byId("connections-filter").value.trim().toLowerCase();
  const onlyTrouble = byId("only-trouble").checked;
  table.setFilter((row) => (!onlyTrouble || troubled(row)) && [row.id, ...streamNames(row)].some((name) => name.toLowerCase().includes(text)));
}

byId("connections-filter").addEventListener("input", applyFilter);
byId("only-trouble").addEventListener("change", applyFilter);

/* Control */
async function order(path, done) {
  try {
    const answer = await post(path);
    if (answer.acknowledged) toast(done, told(answer.result ?? ""), "good");
    else toast(t("Ordered, not yet confirmed"), told(answer.result ?? ""), "warn");
  } catch (error) {
    toast(t("That did not work"), error.message, "bad");
  }
}

async function reconnect(id) {
  const sure = await confirmAction({
    title: t("Reconnect {id}?", { id }),
    text: t("Its streams pause for a moment; missing candles are filled from history."),
    action: t("Reconnect"),
  });
  if (!sure) return;
  busy.add(id);
  table.update(rowsOf(store), [id]);
  await order(`/market/connections/${encodeURIComponent(id)}/reconnect`, t("{id} reconnects", { id }));
  busy.delete(id);
  table.update(rowsOf(store), [id]);
}

async function switchFeed(action) {
  const stopping = action === "stop";
  const sure = !stopping || await confirmAction({
    title: t("Stop the market feed?"),
    text: t("All connections of the feed close and every price on every page grows old until it is started again. Private streams of accounts stay."),
    action: t("Stop feed"), danger: true,
  });
  if (!sure) return;
  const button = byId(`feed-${action}`);
  button.setAttribute("aria-busy", "true");
  await order(`/market/feed/${action}`, stopping ? t("The feed stops") : t("The feed starts"));
  button.removeAttribute("aria-busy");
}

function showControl() {
  const report = feed();
  byId("control-note").hidden = mayControl;
  const wanted = report?.desired ?? report?.state;
  byId("feed-start").disabled = !mayControl || wanted === "running";
  byId("feed-stop").disabled = !mayControl || wanted === "stopped";
}

byId("feed-start").addEventListener("click", () => switchFeed("start"));
byId("feed-stop").addEventListener("click", () => switchFeed("stop"));

/* What was asked of the feed, and whether it answered */
function showOrders() {
  const orders = [...(feed()?.commands ?? [])].sort((a, b) => b.id - a.id);
  if (!orders.length) {
    return byId("orders").replaceChildren(stateBox("empty", t("Nothing was ordered yet"), t("Start, stop and reconnect orders appear here with the feed's answer.")));
  }
  const heads = [t("Asked"), t("Order"), t("By"), t("Answered"), t("Result")];
  const lines = orders.map((item) => h("tr", {},
    h("td", {}, clockTime(item.requested_at)), h("td", {}, `${item.kind} ${item.target ?? ""}`),
    h("td", {}, item.requested_by ?? ""),
    h("td", { class: item.acknowledged_at ? "" : "warn" }, item.acknowledged_at ? clockTime(item.acknowledged_at) : t("not yet")),
    h("td", { class: "muted" }, told(item.result ?? ""))));
  byId("orders").replaceChildren(h("div", { class: "table-scroll" }, h("table", { class: "table orders", "aria-label": t("Orders to the feed") },
    h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, lines))));
}

/* Tiles */
function showTiles() {
  connectionTiles(store, feed());
  const sums = store.items.get("reconnect_statistics");
  if (sums) {
    setTile("reconnects", number(sums.total_reconnects), { note: t("since the feed started") });
    setTile("success", number((sums.success_rate ?? NaN) * 100, 1), { unit: Number.isFinite(sums.success_rate) ? "%" : "", note: t("of reconnect attempts") });
    setTile("delay", sums.total_reconnects ? number(sums.average_delay, 1) : "–", { unit: sums.total_reconnects ? "s" : "", note: t("mean · longest {max} s", { max: number(sums.max_delay ?? sums.maximum_delay, 1) }) });
  }
  const old = store.newestAt !== null && Date.now() - store.newestAt > STALE_MS;
  staleTiles(["connections", "streams", "silent", "rate", "reconnects", "success", "delay"], old);
}

store.onChange((changed) => {
  if (store.error) table.showError(store.error, () => store.refresh());
  const rows = rowsOf(store);
  const gone = [...table.rows.keys()].some((key) => !rows.has(key));
  const keys = [...changed].filter((key) => !BESIDE.has(key));
  if (rows.size || store.state === "ready") table.update(rows, gone || !rows.size ? null : keys);
  showTiles();
});
feedStore.onChange(() => {
  showControl();
  showTiles();
  showFeeds(byId("feeds"), feed(), feedStore);
  const key = JSON.stringify(feed()?.commands ?? []);
  if (byId("orders").dataset.key === key) return;
  byId("orders").dataset.key = key;
  showOrders();
});
const events = eventStore();
timeline(byId("events"), events, EVENTS);
incidentPicture(byId("incidents"), byId("incidents-note"), events);
byId("incident-legend").append(...incidentLegend());
patternList(byId("patterns"), byId("patterns-note"));
exportMenu(byId("export-menu"));
events.onChange(() => setText(byId("events-note"), t("newest {n}", { n: events.list.length })));
byId("error-legend").append(...ERRORS.map((name) => h("span", {}, h("i", { "data-error": name }), name)));
watchPage("connections", () => store.newestAt, STALE_MS);
historyProgress(byId("history-progress"));
showControl();
showFeeds(byId("feeds"), feed(), feedStore);
setInterval(() => {
  table.update(rowsOf(store), [...table.rows.keys()]);
  showTiles();
}, 1000);
