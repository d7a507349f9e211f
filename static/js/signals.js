/* Signals: the queued topic "signals", the rows of REST, and their words. */

import { get, query } from "./api.js";
import { queued } from "./stores.js";
import { t } from "./strings.js";

const FETCHED = 200;
export const HORIZONS = [1, 4, 24];
export const PRIME_SCORE = 70;
export const DIRECTIONS = { long: ["▲", "up", t("long")], short: ["▼", "down", t("short")], flat: ["•", "", t("flat")] };
const FACTORS = {
  trend: t("Trend"), momentum: t("Momentum"), volatility: t("Volatility"), structure: t("Structure"),
  flow: t("Flow"), imbalance: t("Imbalance"), carry: t("Carry"), forecast: t("Forecast"),
};

export const factorName = (name) => FACTORS[name] ?? name;
export const directionOf = (signal) => DIRECTIONS[signal.direction] ?? DIRECTIONS.flat;

/** Net return after `horizon` bars as a share; null while nobody knows. */
export const outcomeOf = (signal, horizon) => signal.outcomes?.[horizon]?.net_return ?? signal.outcomes?.[horizon] ?? null;

/** Rows of REST, newest first: { signals, next_after }. Empty values are left out. */
export function fetchSignals(values) {
  const wanted = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false);
  return get(query("/market/signals", Object.fromEntries(wanted)));
}

export const fetchSignal = (id) => get(`/market/signals/${id}`);
export const checkSignal = (id) => get(`/market/signals/${id}/check`);

/** The newest signals, of `symbol` and `interval` where given. */
export function signalStore(values = {}, limit = FETCHED) {
  return queued("signals", async () => {
    const { signals, epoch, seq } = await fetchSignals({ limit, ...values });
    return { items: signals, epoch, seq };
  }, limit);
}
