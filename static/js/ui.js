/* Toasts, dialogs, tiles, and the empty, loading and error states. */

import { byId, h, icon, setText } from "./dom.js";
import { t } from "./strings.js";

const TOAST_MS = 7_000;

/** A message in the corner; errors stay until closed. */
export function toast(title, text = "", tone = "info") {
  const close = h("button", {
    class: "button small icon-only", "data-kind": "quiet", type: "button",
    "aria-label": t("Close"), onclick: () => box.remove(),
  }, icon("close"));
  const words = h("div", {}, h("p", { class: "toast-title" }, title), h("p", { class: "muted" }, text));
  const box = h("div", { class: "toast", "data-tone": tone }, words, close);
  byId("toasts").append(box);
  if (tone !== "bad") setTimeout(() => box.remove(), TOAST_MS);
}

/** Ask before acting; resolves true or false. */
export function confirmAction({ title, text, action, danger = false }) {
  const cancel = h("button", { class: "button", type: "submit", value: "no" }, t("Cancel"));
  const confirm = h("button", {
    class: "button", type: "submit", value: "yes", "data-kind": danger ? "danger" : "primary",
  }, action);
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
    h("form", { method: "dialog" },
      h("div", { class: "dialog-body" },
        h("h2", { id: "dialog-title" }, title), h("p", { class: "muted" }, text)),
      h("div", { class: "dialog-actions" }, cancel, confirm)));
  document.body.append(dialog);
  dialog.showModal();
  cancel.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
  });
}

/** Empty, loading or error in place of content. */
export function stateBox(state, title, text = "", retry = null) {
  const box = h("div", { class: "state", "data-state": state, role: state === "error" ? "alert" : null },
    icon(state === "error" ? "warning" : "empty"),
    h("p", { class: "state-title" }, title), text ? h("p", {}, text) : null);
  if (retry) box.append(h("button", { class: "button", type: "button", onclick: retry }, t("Try again")));
  return box;
}

/** Lines that stand for rows still on their way. */
export const skeletonRows = (count) => h("div", { class: "card-body stack", "aria-label": t("Loading") },
  Array.from({ length: count }, () => h("span", { class: "skeleton" })));

/** Set a stat tile: value, unit, note, tone class. */
export function setTile(id, value, { unit = "", note = null, tone = "" } = {}) {
  const tile = byId(`tile-${id}`);
  if (!tile) return;
  const box = tile.querySelector(".tile-value");
  const text = `${value}|${unit}|${tone}`;
  if (box.dataset.text !== text) {
    box.dataset.text = text;
    box.replaceChildren(h("span", { class: tone }, value), unit ? h("span", { class: "unit" }, unit) : "");
  }
  if (note === null) return;
  setText(tile.querySelector(".tile-note"), note);
  tile.title = note;
}

/** Grey out the tiles named, keep their shape. */
export function staleTiles(ids, stale) {
  for (const id of ids) byId(`tile-${id}`)?.classList.toggle("is-stale", stale);
}
