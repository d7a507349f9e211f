/* The menu of overlays; what was chosen is kept in this browser. */

import { h } from "./dom.js";
import { closesItself } from "./menus.js";
import { PRIME_SCORE } from "./signals.js";
import { t } from "./strings.js";

const KEY = "quantai.overlays";
const GROUPS = [
  [t("Over the candles"), { ema_fast: "EMA 20", ema_slow: "EMA 50", bollinger: t("Bollinger bands") }],
  [t("Below the candles"), { rsi: "RSI", macd: "MACD", adx: "ADX" }],
  [t("Price zones and signals"), { gaps: t("Fair value gaps"), blocks: t("Order blocks"), events: t("Structure events"), marks: t("Signal marks") }],
];
const NAMES = GROUPS.flatMap(([, names]) => Object.keys(names));
const DEFAULT = { chosen: ["ema_fast", "ema_slow", "marks"], marksFrom: 50 };
const LEVELS = [0, 50, PRIME_SCORE];

/** What this browser has chosen: { chosen, marksFrom }. */
export function keptChoice() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (!kept) return DEFAULT;
    return { chosen: NAMES.filter((name) => kept.chosen.includes(name)), marksFrom: LEVELS.includes(kept.marksFrom) ? kept.marksFrom : DEFAULT.marksFrom };
  } catch (error) {
    console.warn("the kept overlays cannot be read:", error.message);
    return DEFAULT;
  }
}

/** Fill `menu` (a details element); `onChoice` gets each new choice. */
export function overlayMenu(menu, onChoice) {
  const choice = keptChoice();
  const boxes = new Map();
  const level = h("select", { class: "input", "aria-label": t("Signal marks from"), onchange: changed },
    LEVELS.map((score) => h("option", { value: String(score), selected: score === choice.marksFrom }, score ? t("score {n} and more", { n: score }) : t("any score"))));

  function changed() {
    const next = { chosen: NAMES.filter((name) => boxes.get(name).checked), marksFrom: +level.value };
    localStorage.setItem(KEY, JSON.stringify(next));
    onChoice(next);
  }

  const line = ([name, label]) => {
    const box = h("input", { type: "checkbox", "data-overlay": name, checked: choice.chosen.includes(name), onchange: changed });
    boxes.set(name, box);
    return h("label", { class: "overlay-choice" }, box, label);
  };
  menu.querySelector(".menu-panel").replaceChildren(...GROUPS.flatMap(([title, names]) => [
    h("p", { class: "menu-note" }, title), ...Object.entries(names).map(line)]), level);
  closesItself(menu);
}
