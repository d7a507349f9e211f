/* The topic "connections": its store, and what Overview and Connections both show. */

import { atMost, h } from "./dom.js";
import { connectionsSnapshot, feed, feedStore } from "./feed.js";
import { dateTime, number, toMs } from "./format.js";
import { latest } from "./stores.js";
import { t } from "./strings.js";
import { setTile, skeletonRows, stateBox } from "./ui.js";

export const BESIDE = new Set(["totals", "reconnect_statistics"]);
const TONES = {
  live: "good", connecting: "info", degraded: "warn", reconnecting: "warn",
  failed: "bad", fatal: "bad", stopped: "", closed: "",
};
const STATES = {
  live: t("live"), connecting: t("connecting"), degraded: t("degraded"), reconnecting: t("reconnecting"),
  failed: t("failed"), fatal: t("fatal"), stopped: t("stopped"), closed: t("closed"),
};

export const toneOf = (state) => TONES[state] ?? "warn";
export const nameOf = (state) => STATES[state] ?? state;

const AGAIN_MS = 1_500;

/** The store; asks for all rows again when their number or the feed's state changes,
    because pushes name what is, never what is gone. */
export function connectionStore() {
  const store = plainStore();
  const again = atMost(AGAIN_MS, () => store.refresh());
  let state = null;
  store.onChange(() => {
    const wanted = store.items.get("totals")?.connections;
    if (store.state === "ready" && wanted !== undefined && wanted !== rowsOf(store).size) again();
  });
  feedStore.onChange(() => {
    if (state !== null && feed()?.state !== state) again();
    state = feed()?.state ?? null;
  });
  return store;
}

const plainStore = () => latest("connections", async () => {
  const answer = await connectionsSnapshot();
  const items = answer.connections.map((row) => ({ ...row, k: row.id }));
  for (const key of BESIDE) if (answer[key]) items.push({ ...answer[key], k: key });
  return { items, ageSeconds: answer.age_seconds ?? 0 };
});

/** The connection rows alone: id → row. */
export function rowsOf(store) {
  return new Map([...store.items].filter(([key, row]) => !BESIDE.has(key) && row.state !== "closed"));
}

export function feedTile(report) {
  if (!report) return setTile("feed", t("unknown"), { tone: "warn", note: t("no report from the feed yet") });
  const tone = { running: "up", stopped: "critical" }[report.state] ?? "warn";
  const since = toMs(report.started_at);
  const words = { running: t("running"), stopped: t("stopped"), starting: t("starting"), stopping: t("stopping") };
  const note = report.desired && report.desired !== report.state
    ? t("wanted: {state}", { state: words[report.desired] ?? report.desired })
    : since && report.state === "running" ? t("since {time}", { time: dateTime(since).slice(5, 19) }) : "";
  setTile("feed", words[report.state] ?? report.state, { tone, note });
}

export function connectionTiles(store, report) {
  feedTile(report);
  const totals = store.items.get("totals");
  const rows = [...rowsOf(store).values()];
  const live = rows.filter((row) => row.state === "live").length;
  if (!totals && store.state === "loading") return;
  const expected = totals?.streams_expected ?? 0;
  const silent = totals?.streams_silent ?? 0;
  setTile("connections", `${live} / ${rows.length}`, { tone: live < rows.length ? "warn" : "" , note: !rows.length ? t("none open") : live < rows.length ? t("{n} not live", { n: rows.length - live }) : t("all live") });
  setTile("streams", `${number(totals?.streams_live)} / ${number(expected)}`, {
    tone: totals?.streams_live < expected ? "warn" : "", note: silent ? t("{n} silent", { n: number(silent) }) : t("none silent"),
  });
  setTile("silent", number(silent), { tone: silent ? "warn" : "", note: t("of {n} expected", { n: number(expected) }) });
  setTile("klines", number(totals?.kline_streams_live), { note: t("kline streams with data") });
  setTile("rate", number(totals?.messages_per_second), { unit: "/s", note: t("from the exchange") });
}

/** Small table: route, connections live, streams live. */
export function stateSummary(store) {
  const rows = [...rowsOf(store).values()];
  if (!rows.length) {
    if (store.state === "error") return stateBox("error", t("Could not load"), store.error.message, () => store.refresh());
    return store.state === "ready" ? stateBox("empty", t("No connection is open")) : skeletonRows(3);
  }
  const routes = new Map();
  for (const row of rows) {
    const sum = routes.get(row.route) ?? { all: 0, live: 0, streams: 0, expected: 0, rate: 0 };
    sum.all += 1;
    sum.live += row.state === "live";
    sum.streams += row.streams_live ?? 0;
    sum.expected += row.streams_expected ?? 0;
    sum.rate += row.messages_per_second ?? NaN;
    routes.set(row.route, sum);
  }
  const heads = [t("Route"), t("Live"), t("Streams"), t("Messages/s")];
  const lines = [...routes].map(([route, sum]) => h("tr", {},
    h("td", {}, h("span", { class: "mono" }, route)),
    h("td", { class: "num" }, h("span", { class: "badge", "data-tone": sum.live === sum.all ? "good" : "warn" }, `${sum.live} / ${sum.all}`)),
    h("td", { class: "num" }, `${number(sum.streams)} / ${number(sum.expected)}`),
    h("td", { class: "num" }, number(sum.rate, 0))));
  return h("div", { class: "table-scroll" }, h("table", { class: "table", "aria-label": t("Connections by route") },
    h("thead", {}, h("tr", {}, heads.map((text, index) => h("th", { scope: "col", class: index ? "num" : "" }, text)))),
    h("tbody", {}, lines)));
}
