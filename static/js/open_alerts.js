/* The open alerts in a few lines, worst first. */

import { alertStore, openAlerts, rankOf } from "./alerts.js";
import { h } from "./dom.js";
import { clockTime, dateTime, number } from "./format.js";
import { t } from "./strings.js";
import { told } from "./told.js";
import { skeletonRows, stateBox } from "./ui.js";

const SEVERITIES = { critical: ["bad", t("critical")], error: ["bad", t("error")], warning: ["warn", t("warning")], info: ["info", t("info")] };

function line(alert, address) {
  const [tone, name] = SEVERITIES[alert.severity] ?? ["info", alert.severity];
  const often = alert.count > 1 ? h("span", { class: "faint" }, `${number(alert.count)} ×`) : null;
  return h("li", { "data-tone": tone },
    h("time", { title: dateTime(alert.last_at) }, clockTime(alert.last_at)), h("span", { class: "mark", "aria-hidden": "true" }),
    h("span", { class: "what" }, h("span", { class: "muted" }, name), h("a", { href: address }, told(alert.title)), often),
    h("span", { class: "why" }, told(alert.text)));
}

/** Keep `host` showing at most `count` of them; each leads to `address`. */
export function openAlertList(host, count, address) {
  host.replaceChildren(skeletonRows(2));
  let shown = "";
  function draw() {
    const open = openAlerts().sort((a, b) => rankOf(b) - rankOf(a) || b.last_at - a.last_at);
    if (alertStore.state === "loading") return;
    if (alertStore.state === "error" && !open.length) {
      shown = "";
      host.replaceChildren(stateBox("error", t("Could not load"), alertStore.error.message, () => alertStore.refresh()));
      return;
    }
    const key = open.map((alert) => `${alert.id}.${alert.revision}`).join();
    if (shown === `=${key}`) return;
    shown = `=${key}`;
    const more = open.length - count;
    host.replaceChildren(
      open.length ? h("ol", { class: "timeline" }, open.slice(0, count).map((alert) => line(alert, address)))
        : h("p", { class: "card-body muted" }, t("No open alert")),
      more > 0 ? h("p", { class: "card-body faint" }, h("a", { href: address }, t("{n} more", { n: number(more) }))) : "");
  }
  alertStore.onChange(draw);
  document.addEventListener("quantai:time", () => {
    shown = "";
    draw();
  });
}
