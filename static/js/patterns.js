/* Disconnects that come back: what the search found, with its evidence. */

import { get } from "./api.js";
import { h, setText } from "./dom.js";
import { dateTime, duration, number } from "./format.js";
import { t } from "./strings.js";
import { skeletonRows, stateBox } from "./ui.js";

const AGAIN_MS = 10 * 60_000;
const TIMES = 6;
const ADVICE = {
  minute_of_hour: t("Look for what runs at that minute: cron jobs, backups, a router or VPN that renews its lease, a provider's maintenance."),
  hour_of_day: t("Look for what happens daily at that time: a provider's forced reconnect, backups, maintenance of the exchange."),
  connection_age: t("Something ends connections of that age: a firewall's or router's time limit, a load balancer, the exchange's own limit."),
};
const two = (value) => String(value).padStart(2, "0");

function when({ kind, start_seconds: start, width_seconds: width, period_seconds: period }) {
  const middle = Math.floor((start + width / 2) % period);
  if (kind === "minute_of_hour") return t("about {m} min {s} s past every full hour", { m: Math.floor(middle / 60), s: two(middle % 60) });
  const clock = (seconds) => `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}`;
  if (kind === "hour_of_day") return t("every day between {a} and {b} UTC", { a: clock(start), b: clock(start + width) });
  return t("at an age of {a} to {b}", { a: duration(start), b: duration(start + width) });
}

function counted({ kind, occasions, of, expected, p_value: p }) {
  const values = { n: number(occasions), of: number(of), expected: number(expected, expected < 10 ? 2 : 0), p: p < 1e-12 ? "< 1e-12" : `= ${p.toExponential(0)}` };
  if (kind === "minute_of_hour") return t("in {n} of {of} hours, {expected} expected by chance (p {p})", values);
  if (kind === "hour_of_day") return t("on {n} of {of} days, {expected} expected by chance (p {p})", values);
  return t("{n} of {of} losses at about that age, {expected} expected by chance (p {p})", values);
}

function item(pattern) {
  const times = pattern.times.slice(-TIMES).reverse().map((at) => dateTime(at));
  const more = pattern.times.length - times.length;
  return h("li", { "data-tone": pattern.current ? "warn" : "good", "data-kind": pattern.kind },
    h("span", { class: "badge", "data-tone": pattern.current ? "warn" : "" }, pattern.current ? t("goes on") : t("over")),
    h("div", {},
      h("p", { class: "pattern-title" }, t("Connections are lost {when}", { when: when(pattern) })),
      h("p", { class: "muted" }, `${counted(pattern)} · ${pattern.connections.join(", ")}`),
      h("p", { class: "faint pattern-times" }, [...times, ...(more ? [t("{n} before", { n: number(more) })] : [])]
        .flatMap((text, index) => [index ? " · " : "", h("span", {}, text)])),
      h("p", { class: "muted" }, ADVICE[pattern.kind])));
}

/** Keep `host` showing the patterns; asks again every ten minutes. */
export function patternList(host, note) {
  host.replaceChildren(skeletonRows(2));
  async function load() {
    try {
      const found = await get("/market/connections/patterns");
      setText(note, t("{n} losses in {time} watched · found when p < {p} after correction and {least} times or more", {
        n: number(found.losses), time: duration(found.observed_seconds), p: found.threshold, least: found.least_occasions,
      }));
      host.replaceChildren(found.patterns.length
        ? h("ul", { class: "patterns" }, found.patterns.map(item))
        : stateBox("empty", t("No pattern found"), t("Losses come as chance would have them, or are too few to tell.")));
    } catch (error) {
      if (!host.querySelector(".patterns")) host.replaceChildren(stateBox("error", t("Could not load"), error.message, load));
    }
  }
  document.addEventListener("quantai:time", load);
  setInterval(load, AGAIN_MS);
  load();
}
