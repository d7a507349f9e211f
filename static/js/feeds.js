/* The feed processes that share the venue's symbols, as the leading one tells. */

import { h } from "./dom.js";
import { dateTime, number, toMs } from "./format.js";
import { t } from "./strings.js";
import { skeletonRows, stateBox } from "./ui.js";

const LAG_BAD_MS = 500;
const STATES = { running: ["good", t("running")], stopped: ["", t("stopped")] };

function line(feed) {
  const [tone, state] = STATES[feed.state] ?? ["warn", feed.state];
  return h("tr", {},
    h("td", { class: "mono" }, feed.name),
    h("td", {}, h("span", { class: "badge", "data-tone": tone }, state)),
    h("td", { class: "muted" }, t("process {pid} on {host}", { pid: String(feed.pid), host: feed.host })),
    h("td", { class: "num" }, number(feed.symbols)),
    h("td", { class: "num" }, number(feed.frames_per_second, 0)),
    h("td", { class: feed.lag_ms > LAG_BAD_MS ? "num warn" : "num" }, number(feed.lag_ms, 1)),
    h("td", { class: "muted" }, dateTime(toMs(feed.started_at)).slice(5, 19)));
}

/** Show the feeds of the report in `box`; `store` knows whether there is one. */
export function showFeeds(box, report, store) {
  const feeds = report?.feeds ?? [];
  const key = JSON.stringify([store.state, feeds]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  if (!feeds.length) {
    box.replaceChildren(store.state === "loading" ? skeletonRows(1)
      : store.state === "error" ? stateBox("error", t("Could not load"), store.error?.message, () => store.refresh())
      : stateBox("empty", t("No feed tells of itself")));
    return;
  }
  const heads = [[t("Feed")], [t("State")], [t("Where")], [t("Symbols"), "num"], [t("Messages/s"), "num"], [t("Late by, ms"), "num"], [t("Began"), ""]];
  box.replaceChildren(h("div", { class: "table-scroll" }, h("table", { class: "table", "aria-label": t("Feed processes") },
    h("thead", {}, h("tr", {}, heads.map(([text, kind]) => h("th", { scope: "col", class: kind ?? "" }, text)))),
    h("tbody", {}, feeds.map(line)))));
}
