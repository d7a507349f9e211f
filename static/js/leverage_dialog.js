/* Leverage and margin type of one contract on one account: asked of the exchange. */

import { ask, errorText, troubles } from "./accounts.js";
import { h, setText } from "./dom.js";
import { quotes } from "./quotes.js";
import { t } from "./strings.js";
import { toast } from "./ui.js";

const UNCHANGED = "";

/** Open it for `account`; `wish`: { symbol?, leverage?, margin_type? } as they are now. */
export function leverageDialog(account, wish = {}) {
  const names = h("datalist", { id: "leverage-symbols" }, [...quotes().items.keys()].sort().map((name) => h("option", { value: name })));
  const symbol = h("input", { class: "input", id: "leverage-symbol", list: "leverage-symbols", value: wish.symbol ?? "", readOnly: Boolean(wish.symbol), required: true, autocapitalize: "characters", autocomplete: "off" });
  const leverage = h("input", { class: "input", id: "leverage-leverage", type: "number", min: "1", max: "125", step: "1", value: wish.leverage ? String(wish.leverage) : "", inputmode: "numeric" });
  const margin = h("select", { class: "input", id: "leverage-margin" }, [[UNCHANGED, t("as it is")], ["cross", t("cross")], ["isolated", t("isolated")]].map(([value, name]) => h("option", { value }, name)));
  const problem = h("p", { class: "field-error", role: "alert", hidden: true });
  const save = h("button", { class: "button", "data-kind": "primary", type: "submit" }, t("Set"));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "leverage-title" },
    h("form", { onsubmit: (event) => { event.preventDefault(); send(); } },
      h("div", { class: "dialog-body" },
        h("h2", { id: "leverage-title" }, t("Leverage on {name}", { name: account })), names,
        h("div", { class: "field" }, h("label", { for: "leverage-symbol" }, t("Symbol")), symbol),
        h("div", { class: "field" }, h("label", { for: "leverage-leverage" }, t("Leverage, 1 to 125; the contract may allow less")), leverage),
        h("div", { class: "field" }, h("label", { for: "leverage-margin" }, t("Margin")), margin), problem),
      h("div", { class: "dialog-actions" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, t("Cancel")), save)));

  /** The margin type first: the exchange refuses it once there is a position. */
  async function send() {
    const body = { symbol: symbol.value.trim().toUpperCase(), accounts: [account] };
    save.setAttribute("aria-busy", "true");
    try {
      const answers = [];
      if (margin.value !== UNCHANGED) answers.push(await ask("margin_type", { ...body, margin_type: margin.value }));
      if (leverage.value && Number(leverage.value) !== wish.leverage) answers.push(await ask("leverage", { ...body, leverage: Number(leverage.value) }));
      const trouble = answers.flatMap(troubles);
      if (trouble.length) throw new Error(trouble.join(" · "));
      if (answers.length) toast(t("Set"), body.symbol, "good");
      dialog.close();
      document.dispatchEvent(new CustomEvent("quantai:ordered"));
    } catch (error) {
      setText(problem, errorText(error));
      problem.hidden = false;
    }
    save.setAttribute("aria-busy", "false");
  }

  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  (wish.symbol ? leverage : symbol).focus();
}
