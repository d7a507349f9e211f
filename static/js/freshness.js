/* Every number has an age. Elements registered here go grey past their limit, and
   their note says how old they are; the shell asks for the worst of the page. */

import { setText } from "./dom.js";
import { ago } from "./format.js";
import { t } from "./strings.js";

const watched = new Map();
const pageSources = new Map();

/** Grey `element` once `at()` (ms, Date.now clock) is more than `limitMs` ago, or while
    `late()` says that what came is older than its coming. */
export function watchAge(element, at, limitMs, note = null, late = () => false) {
  watched.set(element, { at, limitMs, note, late });
  refresh(element, watched.get(element));
}

/** Data the whole page stands on; past its limit the banner says so. */
export function watchPage(name, at, limitMs) {
  pageSources.set(name, { at, limitMs });
}

/** Age in ms of the oldest page source past its limit, or null. */
export function pageLateness() {
  let worst = null;
  for (const { at, limitMs } of pageSources.values()) {
    const value = at();
    if (value === null) continue;
    const age = Date.now() - value;
    if (age > limitMs && (worst === null || age > worst)) worst = age;
  }
  return worst;
}

function refresh(element, { at, limitMs, note, late }) {
  const value = at();
  const age = value === null ? null : Date.now() - value;
  const stale = age !== null && (late() || age > limitMs);
  element.classList.toggle("is-stale", stale);
  if (note) setText(note, age === null ? t("no data yet") : ago(age / 1000));
}

setInterval(() => {
  for (const [element, entry] of watched) {
    if (element.isConnected) refresh(element, entry);
    else watched.delete(element);
  }
}, 1000);
