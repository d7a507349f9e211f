/* Numbers, ages and times as people read them. Unknown is always "–". */

import { t } from "./strings.js";

export const NONE = "–";
const known = (value) => value !== null && value !== undefined && Number.isFinite(+value);
const formats = new Map();

function fixed(digits) {
  if (!formats.has(digits)) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    formats.set(digits, new Intl.NumberFormat("en-US", options));
  }
  return formats.get(digits);
}

/** Decimals that a step such as 0.0010 or 1e-7 allows. */
export function decimals(step) {
  if (!known(step) || +step <= 0) return 2;
  return Math.max(0, Math.min(12, Math.round(-Math.log10(+step) + 0.3 - 1e-9)));
}

/** Price to the symbol's tick; without one, five significant digits. */
export function price(value, tick) {
  if (!known(value)) return NONE;
  if (known(tick) && +tick > 0) return fixed(decimals(tick)).format(value);
  const size = Math.abs(value);
  const digits = size === 0 ? 2 : Math.max(2, Math.min(8, 4 - Math.floor(Math.log10(size))));
  return fixed(digits).format(value);
}

export const quantity = (value, step) => (known(value) ? fixed(decimals(step)).format(value) : NONE);
export const number = (value, digits = 0) => (known(value) ? fixed(digits).format(value) : NONE);

/** Signed, with a real minus sign, so that direction never hangs on colour alone. */
export function signed(value, digits = 2) {
  if (!known(value)) return NONE;
  const text = fixed(digits).format(Math.abs(value));
  if (+value === 0 || /^[0.,]*$/.test(text)) return text;
  return (value < 0 ? "−" : "+") + text;
}

export function compact(value) {
  if (!known(value)) return NONE;
  const size = Math.abs(value);
  for (const [unit, factor] of [["T", 1e12], ["B", 1e9], ["M", 1e6], ["K", 1e3]]) {
    if (size >= factor) {
      const scaled = value / factor;
      return fixed(Math.abs(scaled) >= 100 ? 1 : 2).format(scaled) + unit;
    }
  }
  return fixed(size >= 100 ? 0 : 2).format(value);
}

export const spreadBps = (bid, ask) =>
  known(bid) && known(ask) && bid > 0 && ask > 0 ? ((ask - bid) / ((ask + bid) / 2)) * 1e4 : null;

/** Seconds as "0.4 s", "12 s", "3 min 05 s", "2 h 10 min", "4 d 3 h". */
export function duration(seconds) {
  if (!known(seconds)) return NONE;
  const s = Math.max(0, seconds);
  if (s < 10) return t("{s} s", { s: fixed(1).format(s) });
  if (s < 60) return t("{s} s", { s: Math.floor(s) });
  if (s < 3600) return t("{min} min {s} s", { min: Math.floor(s / 60), s: String(Math.floor(s % 60)).padStart(2, "0") });
  if (s < 86400) return t("{h} h {min} min", { h: Math.floor(s / 3600), min: Math.floor((s % 3600) / 60) });
  return t("{d} d {h} h", { d: Math.floor(s / 86400), h: Math.floor((s % 86400) / 3600) });
}

export const ago = (seconds) => (known(seconds) ? t("{age} ago", { age: duration(seconds) }) : NONE);

export const direction = (value) => (value > 0 ? "up" : value < 0 ? "down" : "");

/* Times: local or UTC, the reader's choice, kept. Announces "quantai:time". */
const TIME_KEY = "quantai.time";
export const inUtc = () => localStorage.getItem(TIME_KEY) === "utc";

export function toggleUtc() {
  localStorage.setItem(TIME_KEY, inUtc() ? "local" : "utc");
  document.dispatchEvent(new CustomEvent("quantai:time"));
}

/** Any timestamp (ms, seconds, ISO text) as ms; null when there is none. */
export function toMs(value) {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "string" && !/^\d+(\.\d+)?$/.test(value)) {
    const parsed = Date.parse(value);
    return Number.isNaN(parsed) ? null : parsed;
  }
  return +value < 1e11 ? +value * 1000 : +value;
}

function parts(ms) {
  const date = new Date(inUtc() ? ms : ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString();
}

/** "2026-05-01 12:30:05" in the chosen zone, without the zone's name. */
export const wall = (ms) => parts(ms).slice(0, 19).replace("T", " ");

export function clockTime(value) {
  const ms = toMs(value);
  return ms === null ? NONE : parts(ms).slice(11, 19);
}

export function dateTime(value) {
  const ms = toMs(value);
  return ms === null ? NONE : `${wall(ms)}${inUtc() ? " UTC" : ""}`;
}
