/* The export menu of the signals: files of what the filters name. */

import { byId, h } from "./dom.js";
import { FORMATS } from "./exports.js";
import { closesItself } from "./menus.js";
import { t } from "./strings.js";

const PATH = "/api/v1/market/signals";
const HOUR_MS = 3_600_000;
const RANGES = [[24, t("last 24 hours")], [168, t("last 7 days")], [0, t("all that is kept")]];

/** Fill the panel of `menu`; `filters()` gives the values of the moment. */
export function signalExports(menu, filters) {
  const range = h("select", { class: "input", "aria-label": t("Range of signals") },
    RANGES.map(([hours, name]) => h("option", { value: String(hours) }, name)));
  const values = (format) => {
    const chosen = Object.entries(filters()).filter(([, value]) => value);
    const from = +range.value ? [["since", String(Date.now() - +range.value * HOUR_MS)]] : [];
    return new URLSearchParams([...chosen, ...from, ["format", format]]);
  };
  const links = FORMATS.map(([format, name]) => {
    const link = h("a", { class: "button small", href: "#", download: "", "data-format": format }, name);
    // The range ends now: the address is made when it is asked for.
    const point = () => { link.href = `${PATH}?${values(format)}`; };
    for (const event of ["pointerdown", "focus", "click", "pointerenter"]) link.addEventListener(event, point);
    point();
    return link;
  });
  byId("export-panel").replaceChildren(
    h("p", { class: "menu-note" }, t("Signals as filtered")), range, h("div", { class: "row" }, links));
  closesItself(menu);
}
