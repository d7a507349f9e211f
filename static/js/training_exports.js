/* The export menu of training: files of studies, trials, epochs, scales and marks. */

import { byId, h } from "./dom.js";
import { FORMATS } from "./exports.js";
import { closesItself } from "./menus.js";
import { t } from "./strings.js";

const PATH = "/api/v1/training/export";
const KINDS = [["studies", t("Studies")], ["trials", t("Trials")], ["epochs", t("Epochs")], ["scale", t("Loss scale, runs of equal ones")], ["marks", t("Marks of the scale, with advice")]];

/** Fill the panel of `menu`; of one study where `study` is given. */
export function trainingExports(menu, study = null) {
  const shown = study === null ? KINDS : KINDS.slice(1);
  byId("export-panel").replaceChildren(...shown.flatMap(([what, name]) => [
    h("p", { class: "menu-note" }, name),
    h("div", { class: "row" }, FORMATS.map(([format, word]) => {
      const values = new URLSearchParams({ what, ...(study === null ? {} : { study: String(study) }), format });
      return h("a", { class: "button small", href: `${PATH}?${values}`, download: "", "data-what": what, "data-format": format }, word);
    })),
  ]));
  closesItself(menu);
}
