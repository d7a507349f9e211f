/* What every page has: clock, connection indicator, banner, theme, menu keys. */

import { countOpen } from "./alerts.js";
import { byId, h, icon, setData, setText } from "./dom.js";
import { feed, feedStore, stoppedSince } from "./feed.js";
import { clockTime, dateTime, duration, inUtc, toggleUtc, wall } from "./format.js";
import { pageLateness } from "./freshness.js";
import { showTrading } from "./risk.js";
import { live, serverNow } from "./socket.js";
import { t } from "./strings.js";
import { toggleTheme } from "./theme.js";

const LATE_MS = 5_000;
const GRACE_MS = 2_500;
const SILENT_MS = 8_000;
const openedAt = Date.now();

function linkText() {
  if (live.state === "open") return live.rttMs === null ? t("Live") : t("Live · {ms} ms", { ms: live.rttMs });
  if (live.state === "waiting") {
    const seconds = Math.max(0, Math.ceil((live.retryAt - Date.now()) / 1000));
    return t("Reconnecting in {n} s", { n: seconds });
  }
  if (live.state === "offline") return t("Offline");
  if (live.state === "signed-out") return t("Signed out");
  return t("Connecting");
}

function showLink() {
  const box = byId("link-state");
  setData(box, "state", live.state);
  setText(box.querySelector(".link-label"), linkText());
  const age = live.lastMessageAt === null ? null : Date.now() - live.lastMessageAt;
  setText(box.querySelector(".link-age"), age === null ? "" : duration(age / 1000));
  box.classList.toggle("is-late", age !== null && age > LATE_MS);
  box.title = t("{state} since {time}. Last message {age} ago.", {
    state: linkText(), time: dateTime(live.since), age: age === null ? "–" : duration(age / 1000),
  });
}

/** The worst thing the reader must know, or null. */
function trouble() {
  const late = pageLateness();
  const old = late === null ? "" : t("You are looking at {age} old data.", { age: duration(late / 1000) });
  if (live.state === "signed-out") {
    return { level: "critical", text: t("You are signed out."), link: document.body.dataset.login };
  }
  if (live.state !== "open" && Date.now() - Math.max(live.since, openedAt) > GRACE_MS) {
    const text = t("Live connection lost since {time}; trying again.", { time: clockTime(live.since) });
    return { level: "critical", text: `${text} ${old}` };
  }
  const quiet = live.lastMessageAt === null ? 0 : Date.now() - live.lastMessageAt;
  if (quiet > SILENT_MS) {
    return { level: "critical", text: `${t("The server has been silent for {age}.", { age: duration(quiet / 1000) })} ${old}` };
  }
  return feedTrouble(old) ?? (late === null ? null : { level: "warn", text: old });
}

function feedTrouble(old) {
  const state = feed();
  if (!state) return null;
  const silent = Date.now() - feedStore.newestAt;
  if (silent > SILENT_MS) {
    return { level: "critical", text: `${t("The market feed has not reported for {age}.", { age: duration(silent / 1000) })} ${old}` };
  }
  if (state.state === "running") return null;
  const since = stoppedSince();
  const words = {
    stopped: t("The market feed is stopped."), stopping: t("The market feed is stopping."),
    starting: t("The market feed is starting."),
  }[state.state] ?? t("The market feed is {state}.", { state: state.state });
  const when = since ? ` ${t("Since {time}.", { time: dateTime(since) })}` : "";
  return { level: state.state === "starting" ? "warn" : "critical", text: `${words}${when} ${old}` };
}

let shown = "";

function showBanner() {
  const now = trouble();
  const text = now ? `${now.level}|${now.text}|${now.link ?? ""}` : "";
  if (text === shown) return;
  // A changed age alone must not be read out again every second.
  const words = byId("banner").querySelector(".banner-text");
  const sameKind = words && now && shown.split("|")[0] === now.level && !now.link;
  shown = text;
  if (sameKind) return setText(words, now.text);
  byId("banner").replaceChildren(...(now ? [bannerBox(now)] : []));
}

function bannerBox({ level, text, link }) {
  return h("div", { class: "banner", "data-level": level }, icon("warning"),
    h("span", { class: "banner-text", "aria-live": "off" }, text),
    link ? h("a", { class: "button small", href: `${link}?next=${encodeURIComponent(location.pathname)}` }, t("Sign in")) : null);
}

function showClock() {
  setText(byId("clock"), `${wall(serverNow()).slice(11)} ${inUtc() ? "UTC" : t("local")}`);
}

function showTimeChoice() {
  const label = byId("time-button")?.querySelector("span");
  if (label) setText(label, inUtc() ? t("Times in local zone") : t("Times in UTC"));
  showClock();
}

function keys(event) {
  const typing = event.target.closest("input, select, textarea, dialog");
  if (event.key === "Escape") byId("user-menu")?.removeAttribute("open");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
  const search = document.querySelector("input[type=search], #picker-input");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
}

function closeMenu(event) {
  const menu = byId("user-menu");
  if (menu?.open && !menu.contains(event.target)) menu.open = false;
}

live.addEventListener("state", () => {
  showLink();
  showBanner();
});
countOpen(byId("alerts-open"), (n) => t("{n} open alerts", { n }));
showTrading(byId("trading-badge"));
byId("theme-button").addEventListener("click", toggleTheme);
byId("time-button")?.addEventListener("click", toggleUtc);
document.addEventListener("quantai:time", showTimeChoice);
document.addEventListener("keydown", keys);
document.addEventListener("click", closeMenu);
setInterval(() => {
  showLink();
  showBanner();
  showClock();
}, 1000);
// Tabs that do not fit scroll; the current one must be seen.
document.querySelector(".tabs [aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
showLink();
showTimeChoice();
