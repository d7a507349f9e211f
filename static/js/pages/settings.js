/* Settings: filter over the table that the server rendered. */

import { byId } from "../dom.js";

const table = byId("settings-table");

function apply() {
  const words = byId("settings-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const changedOnly = byId("settings-changed").checked;
  let shown = 0;
  for (const body of table.tBodies) {
    let inBody = 0;
    for (const row of body.querySelectorAll("tr[data-changed]")) {
      const text = row.textContent.toLowerCase();
      const keep = words.every((word) => text.includes(word)) && (!changedOnly || row.dataset.changed === "yes");
      row.hidden = !keep;
      inBody += keep;
    }
    body.hidden = inBody === 0;
    shown += inBody;
  }
  byId("settings-none").hidden = shown > 0;
}

byId("settings-filter").addEventListener("input", apply);
byId("settings-changed").addEventListener("change", apply);
