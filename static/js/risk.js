/* What trading may do and the limits of every order: one answer for header and page. */

import { get } from "./api.js";
import { asked } from "./asked.js";
import { setData, setText } from "./dom.js";
import { dateTime } from "./format.js";
import { watchAge } from "./freshness.js";
import { t } from "./strings.js";

const EVERY_MS = 30_000;
export const STALE_MS = 75_000;

/* Tone, what it is called, what it means; from the most that is allowed to the least. */
export const STATES = {
  ACTIVE: ["good", t("Active"), t("All orders pass that keep the limits.")],
  REDUCING: ["warn", t("Reducing"), t("Only orders that reduce a position pass.")],
  HALTED: ["bad", t("Halted"), t("Trading is stopped; only orders that reduce a position pass. It stays so over restarts.")],
};

/** REST's answer: { state, reason, changed_by, changed_at, limits }. */
export const riskStore = asked(["risk"], () => get("/risk/state"), EVERY_MS);

/** Since when and by whom, in one line; empty when nobody ever changed it. */
export const byWhom = (told) => (told.changed_at === null ? "" : t("{time} by {name}", { time: dateTime(told.changed_at), name: told.changed_by }));

/** Keep `badge` showing the state; hidden until it is known. */
export function showTrading(badge) {
  const show = () => {
    const told = riskStore.value;
    badge.hidden = told === null;
    if (told === null) return;
    setData(badge, "state", told.state);
    setText(badge, told.state);
    badge.title = [STATES[told.state][2], told.reason, byWhom(told)].filter(Boolean).join(" · ");
    badge.setAttribute("aria-label", t("Trading: {state}", { state: STATES[told.state][1] }));
  };
  riskStore.onChange(show);
  document.addEventListener("quantai:time", show);
  watchAge(badge, () => riskStore.newestAt, STALE_MS);
}
