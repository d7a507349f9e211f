/* Connection events: the queued topic "events", and their timeline. */

import { get, query } from "./api.js";
import { h } from "./dom.js";
import { clockTime, dateTime, duration } from "./format.js";
import { queued } from "./stores.js";
import { t } from "./strings.js";
import { told } from "./told.js";
import { skeletonRows, stateBox } from "./ui.js";

const FETCHED = 100;
const KINDS = {
  connected: ["good", t("Connected")],
  disconnected: ["bad", t("Disconnected")],
  failed: ["bad", t("Attempt failed")],
  silent: ["warn", t("Stream silent")],
  resubscribed: ["good", t("Resubscribed")],
  reconnect_requested: ["info", t("Reconnect requested")],
  stopped: ["warn", t("Stopped")],
  fatal: ["bad", t("Refused, no retry until asked")],
  flapping: ["bad", t("Reconnects keep failing")],
  steady: ["good", t("Steady again")],
  rotated: ["info", t("Rotated")],
  rotation_failed: ["warn", t("Rotation failed")],
  rerouted: ["warn", t("Stream moved to the other class")],
  astray: ["bad", t("Stream found on neither class")],
  stalled: ["warn", t("This process stood still")],
  filled: ["good", t("Candles filled")],
  joined: ["info", t("Feed began")],
  resumed: ["warn", t("Feed ended unasked and began again")],
  taken_over: ["bad", t("Feed lost, its streams taken over")],
  book_rebuilt: ["warn", t("Order book built anew")],
  repaired: ["warn", t("Wrong candles replaced")],
};

export const eventStore = () => queued("events", async () => {
  const { events, epoch, seq } = await get(query("/market/events", { limit: FETCHED }));
  return { items: events, epoch, seq };
});

function line(event, isNew) {
  const [tone, name] = KINDS[event.kind] ?? ["info", event.kind];
  const facts = [
    event.error_type && event.error_type !== "null" ? event.error_type : null,
    event.delay_seconds ? t("next try in {time}", { time: duration(event.delay_seconds) }) : null,
    event.since_previous_seconds ? t("{time} after the one before", { time: duration(event.since_previous_seconds) }) : null,
  ].filter(Boolean).join(" · ");
  return h("li", { "data-tone": tone, "data-kind": event.kind, class: isNew ? "is-new" : null },
    h("time", { title: dateTime(event.at) }, clockTime(event.at)), h("span", { class: "mark", "aria-hidden": "true" }),
    h("span", { class: "what" }, name, h("span", { class: "muted mono" }, event.connection ?? "")),
    event.reason ? h("span", { class: "why" }, told(event.reason)) : null,
    event.advice ? h("span", { class: "why faint" }, told(event.advice)) : null,
    facts ? h("span", { class: "why faint" }, facts) : null);
}

/** Keep `host` showing the newest `count` events, newest first. */
export function timeline(host, store, count) {
  const list = h("ol", { class: "timeline" });
  host.replaceChildren(skeletonRows(5));
  const redraw = (fresh = []) => {
    const newOnes = new Set(store.loadedOnce ? fresh : []);
    const shown = store.list.slice(-count).reverse();
    if (shown.length) {
      list.replaceChildren(...shown.map((event) => line(event, newOnes.has(event))));
      host.replaceChildren(list);
    } else if (store.state === "error") {
      host.replaceChildren(stateBox("error", t("Could not load"), store.error.message, () => store.refresh()));
    } else if (store.state === "ready") {
      host.replaceChildren(stateBox("empty", t("Nothing has happened yet"), t("Connects, failures and reconnects appear here.")));
    }
    if (store.state === "ready") store.loadedOnce = true;
  };
  store.onChange(redraw);
  document.addEventListener("quantai:time", () => redraw());
}
