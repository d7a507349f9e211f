/* Export menus of accounts: files of what the filters name. */

import { filled } from "./accounts.js";
import { byId, h } from "./dom.js";
import { FORMATS } from "./exports.js";
import { closesItself } from "./menus.js";

/** Fill the panel of the export menu; `kinds`: [words, path, values()]. */
export function accountExports(kinds) {
  byId("export-panel").replaceChildren(...kinds.flatMap(([words, path, values]) => [
    h("p", { class: "menu-note" }, words),
    h("div", { class: "row" }, FORMATS.map(([format, name]) => {
      const link = h("a", { class: "button small", href: "#", download: "", "data-format": format, "data-path": path }, name);
      // The filters are those of the moment at which the file is asked for.
      const point = () => { link.href = `/api/v1/accounts/${path}?${new URLSearchParams(filled({ ...values(), format }))}`; };
      for (const event of ["pointerdown", "focus", "click", "pointerenter"]) link.addEventListener(event, point);
      point();
      return link;
    })),
  ]));
  closesItself(byId("export-menu"));
}
