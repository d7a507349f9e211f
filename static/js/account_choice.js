/* Choosing an account or a group: one select whose options follow what there is. */

import { h } from "./dom.js";
import { t } from "./strings.js";

const key = (kind, name) => (name ? `${kind}:${name}` : "");

/** The values of REST that a choice stands for. */
export function chosen(select) {
  const [kind, name] = select.value.split(/:(.*)/s);
  return kind ? { [kind]: name } : {};
}

/** Fill `select` with every account and group; keeps what is chosen. */
export function offerAccounts(select, { accounts, groups }) {
  const wanted = select.value || select.dataset.wanted || "";
  const names = [...accounts.map((one) => one.name), ...groups.map((one) => one.name)].join("|");
  if (select.dataset.names === names) return;
  select.dataset.names = names;
  const used = groups.filter((group) => group.accounts > 0);
  const option = (kind, name) => h("option", { value: key(kind, name), selected: key(kind, name) === wanted }, name);
  select.replaceChildren(
    h("option", { value: "" }, t("All accounts")),
    ...(used.length ? [h("optgroup", { label: t("Groups") }, used.map((one) => option("group", one.name)))] : []),
    ...(accounts.length ? [h("optgroup", { label: t("Accounts") }, accounts.map((one) => option("account", one.name)))] : []));
}
