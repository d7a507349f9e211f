/* The export menu of the connections: links that download files. */

import { closesItself } from "./menus.js";
import { byId, h } from "./dom.js";
import { t } from "./strings.js";

const PATH = "/api/v1/market/connections/export";
export const FORMATS = [["csv", "CSV"], ["json", "JSON"], ["parquet", "Parquet"], ["ndjson", "NDJSON"]];
const HOUR_MS = 3_600_000;
const RANGES = [[24, t("last 24 hours")], [168, t("last 7 days")], [0, t("all that is kept")]];

function links(values) {
  return h("div", { class: "row" }, FORMATS.map(([format, name]) => {
    const link = h("a", { class: "button small", href: "#", "data-format": format, "data-kind-of-file": values().kind }, name);
    // The range ends now: the address is made when it is asked for.
    const point = () => { link.href = `${PATH}?${new URLSearchParams({ ...values(), format })}`; };
    for (const event of ["pointerdown", "focus", "click", "pointerenter"]) link.addEventListener(event, point);
    point();
    return link;
  }));
}

/** Fill `menu` (a details element) and let Escape or a click elsewhere close it. */
export function exportMenu(menu) {
  const range = h("select", { class: "input", "aria-label": t("Range of events") },
    RANGES.map(([hours, name]) => h("option", { value: String(hours) }, name)));
  const eventValues = () => (+range.value ? { kind: "events", since: String(Date.now() - +range.value * HOUR_MS) } : { kind: "events" });
  byId("export-panel").replaceChildren(
    h("p", { class: "menu-note" }, t("Statistics as they are now")), links(() => ({ kind: "statistics" })),
    h("p", { class: "menu-note" }, t("Events")), range, links(eventValues));
  closesItself(menu);
}
