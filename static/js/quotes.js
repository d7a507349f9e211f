/* The topic "quotes" with its snapshot GET /market/symbols. */

import { get } from "./api.js";
import { seenAt } from "./feed.js";
import { latest } from "./stores.js";

const FIXED = ["symbol", "base", "quote", "tick_size", "step_size", "status", "rank"];

let store = null;

/** One store per page: symbol → { k, n, p, o, c, h, l, v, q, b, B, a, A, m, f, t, late?, at … }. */
export function quotes() {
  store ??= latest("quotes", async () => {
    const answer = await get("/market/symbols");
    const items = answer.symbols.map((row, index) => ({ rank: index + 1, ...row, k: row.k ?? row.symbol }));
    return { epoch: answer.epoch, items, ageSeconds: answer.age_seconds };
  }, FIXED);
  return store;
}

/** When the newest quote of the page came, or null. */
export const newestQuoteAt = () => (store?.newestAt ? seenAt({ at: store.newestAt }) : null);
