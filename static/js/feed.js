/* State of the market feed and of its connections, shared by the shell and pages.
   One REST answer starts both topics. */

import { get } from "./api.js";
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
  return { items: feed ? [{ ...feed, k: "feed" }] : [], ageSeconds };
});

/** The newest state of the feed, or undefined before the first answer. */
export const feed = () => feedStore.items.get("feed");
