/* The queued topic "alerts": every alert this page knows, newest revision wins.
   The store starts with the open ones; pages learn more over HTTP. */

import { get, query } from "./api.js";
import { queued } from "./stores.js";

const OPEN_LIMIT = 200;
const RANKS = { info: 0, warning: 1, error: 2, critical: 3 };

/** id (text) → alert. */
export const known = new Map();

export const rankOf = (alert) => RANKS[alert.severity] ?? 0;

/** Take rows of REST or of pushes; returns the ids of those that were news. */
export function learn(rows) {
  const news = [];
  for (const row of rows) {
    const id = String(row.id);
    const old = known.get(id);
    if (old && old.revision >= row.revision) {
      old.heardAt = Date.now();
      continue;
    }
    known.set(id, { ...row, heardAt: Date.now() });
    news.push(id);
  }
  return news;
}

/** What was open and is no longer among the open ones was settled while nobody told. */
function forgetSettled(rows, askedAt) {
  const named = new Set(rows.map((row) => String(row.id)));
  for (const [id, alert] of known) {
    if (alert.state === "open" && !named.has(id) && alert.heardAt < askedAt) known.delete(id);
  }
}

export const alertStore = queued("alerts", async () => {
  const askedAt = Date.now();
  const { alerts, epoch, seq } = await get(query("/alerts", { state: "open", limit: OPEN_LIMIT }));
  if (alerts.length < OPEN_LIMIT) forgetSettled(alerts, askedAt);
  learn(alerts);
  return { epoch, seq, items: alerts.map((alert) => ({ id: `${alert.id}.${alert.revision}`, at: alert.last_at, alert })) };
});
alertStore.onChange((fresh) => learn(fresh.map((item) => item.alert)));

export const openAlerts = () => [...known.values()].filter((alert) => alert.state === "open");

/** Keep `badge` showing how many alerts are open; hidden when there are none. */
export function countOpen(badge, name) {
  alertStore.onChange(() => {
    const open = openAlerts();
    const text = open.length > 99 ? "99+" : String(open.length);
    badge.hidden = open.length === 0;
    badge.dataset.worst = open.length ? open.reduce((a, b) => (rankOf(b) > rankOf(a) ? b : a)).severity : "";
    if (badge.textContent === text) return;
    badge.textContent = text;
    badge.title = name(open.length);
  });
}
