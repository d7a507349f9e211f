/* Stored against possible bars of a day, and the tile that tells it of today. */

import { get, query } from "./api.js";
import { number } from "./format.js";
import { t } from "./strings.js";
import { setTile, staleTiles } from "./ui.js";

const AGAIN_MS = 30_000;
export const COVERAGE_STALE_MS = 75_000;

/** Percent with three decimals, rounded down by the server: 100.000 means all. */
export const percent = (value) => number(value, 3);

export const coverageToday = async () => (await get(query("/market/gaps", { limit: 1, day: "today" }))).coverage;

/** Fill the tile "coverage"; null says that it could not be had. */
export function showCoverage(coverage) {
  if (!coverage) return setTile("coverage", "–", { note: t("Could not load") });
  if (coverage.percent === null) return setTile("coverage", "–", { note: t("no bar is due yet") });
  setTile("coverage", percent(coverage.percent), {
    unit: "%", tone: coverage.missing ? "warn" : "",
    note: t("{n} of {of} bars", { n: number(coverage.bars), of: number(coverage.expected) }),
  });
}

/** Whether an event in `fresh` tells that bars were fetched. */
export const tellsFilled = (fresh) => fresh.some((event) => event.kind === "filled");

/** Keep the tile showing today's coverage; `events` is the store of events. */
export function coverageTile(events) {
  let at = null;
  async function load() {
    try {
      showCoverage(await coverageToday());
      at = Date.now();
    } catch {
      // What is shown grows old; only a tile without any value says so at once.
      if (at === null) showCoverage(null);
    }
  }
  events.onChange((fresh) => {
    if (at !== null && tellsFilled(fresh)) load();
  });
  setInterval(load, AGAIN_MS);
  setInterval(() => staleTiles(["coverage"], at !== null && Date.now() - at > COVERAGE_STALE_MS), 1_000);
  load();
}
