/* State of the market feed and of its connections, shared by the shell and pages.
   One REST answer starts both topics. */

import { get } from "./api.js";
import { toMs } from "./format.js";
import { serverNow } from "./socket.js";
import { latest } from "./stores.js";

let answer = null;
let askedAt = -Infinity;

/** GET /market/connections, shared by callers within half a second. */
export function connectionsSnapshot() {
  if (performance.now() - askedAt > 500) {
    askedAt = performance.now();
    answer = get("/market/connections");
    answer.catch(() => { askedAt = -Infinity; });
  }
  return answer;
}

export const feedStore = latest("feed", async () => {
  const { feed, age_seconds: ageSeconds } = await connectionsSnapshot();
  // No epoch: the topic "feed" counts its own.
  return { items: feed ? [{ ...feed, k: "feed" }] : [], ageSeconds: feed?.age_seconds ?? ageSeconds };
});

/** The newest state of the feed, or undefined before the first answer. */
export const feed = () => feedStore.items.get("feed");

/** Since when the feed is stopped, in ms of the server's clock; null when it is not. */
export function stoppedSince() {
  const report = feed();
  return report && report.state !== "running" ? toMs(report.since) : null;
}

/** When the newest datum of `row` came, in ms of this page's clock: no data is younger
    than the feed's stop, whatever the snapshot that brought it says. */
export function seenAt(row) {
  const stopped = stoppedSince();
  return stopped === null ? row.at : Math.min(row.at, stopped - (serverNow() - Date.now()));
}
