/* How scores turned out: share of wins by score with its interval, and each factor alone. */

import { get, query } from "./api.js";
import { byId, h, setText } from "./dom.js";
import { number, signed } from "./format.js";
import { factorName } from "./signals.js";
import { t } from "./strings.js";
import { skeletonRows, stateBox } from "./ui.js";

const SPACE = "http://www.w3.org/2000/svg";
const Z = 1.96;
const HEIGHT = 220;
const PAD = { left: 40, right: 8, top: 14, bottom: 40 };
const AGAIN_MS = 5 * 60_000;
const FILL = "./quantai manage backtest_signals";

function s(name, properties = {}, ...children) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(properties)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Wilson's interval (95 %) of a share: [low, high]. */
export function wilson(wins, count) {
  const share = wins / count;
  const square = (Z * Z) / count;
  const middle = (share + square / 2) / (1 + square);
  const reach = (Z * Math.sqrt((share * (1 - share)) / count + square / (4 * count))) / (1 + square);
  return [middle - reach, middle + reach];
}

function column(bin, x, y, width) {
  const share = bin.wins / bin.outcomes;
  const [low, high] = wilson(bin.wins, bin.outcomes);
  const middle = x + width / 2;
  const text = t("score {a} to {b}: {wins} of {n} won, {share} % ({low} to {high} %), mean return {mean} %", {
    a: number(bin.score_from), b: number(bin.score_to), wins: number(bin.wins), n: number(bin.outcomes), share: number(share * 100, 1),
    low: number(low * 100, 1), high: number(high * 100, 1), mean: signed(bin.mean_return * 100),
  });
  return s("g", { class: "calibration-bin", "data-from": bin.score_from, tabindex: "0", role: "listitem", "aria-label": text },
    s("title", {}, text),
    s("rect", { class: "calibration-hit", x, y: PAD.top, width, height: HEIGHT - PAD.top - PAD.bottom }),
    s("line", { class: "calibration-reach", x1: middle, x2: middle, y1: y(high), y2: y(low) }),
    s("line", { class: "calibration-reach", x1: middle - 5, x2: middle + 5, y1: y(high), y2: y(high) }),
    s("line", { class: "calibration-reach", x1: middle - 5, x2: middle + 5, y1: y(low), y2: y(low) }),
    s("circle", { class: `calibration-share ${share >= 0.5 ? "up" : "down"}`, cx: middle, cy: y(share), r: 4 }),
    s("text", { class: "calibration-label", x: middle, y: HEIGHT - PAD.bottom + 15, "text-anchor": "middle" }, `${number(bin.score_from)}–${number(bin.score_to)}`),
    s("text", { class: "calibration-count", x: middle, y: HEIGHT - PAD.bottom + 30, "text-anchor": "middle" }, `n ${number(bin.outcomes)}`));
}

function picture(bins, width) {
  const y = (share) => PAD.top + (1 - share) * (HEIGHT - PAD.top - PAD.bottom);
  const step = (width - PAD.left - PAD.right) / bins.length;
  const svg = s("svg", { class: "calibration", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "list", "aria-label": t("Share of wins by score") });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(s("line", { class: `calibration-grid-line${share === 0.5 ? " is-half" : ""}`, x1: PAD.left, x2: width - PAD.right, y1: y(share), y2: y(share) }),
      s("text", { class: "calibration-label", x: PAD.left - 6, y: y(share) + 4, "text-anchor": "end" }, `${share * 100} %`));
  }
  svg.append(...bins.map((bin, index) => column(bin, PAD.left + index * step, y, step)));
  return svg;
}

function recordTable(records) {
  const heads = [[t("Factor"), ""], [t("Rank correlation"), "num"], [t("Right sign, %"), "num"], ["n", "num"]];
  const sorted = [...records].sort((a, b) => Math.abs(b.correlation ?? 0) - Math.abs(a.correlation ?? 0));
  const lines = sorted.map((record) => h("tr", { "data-factor": record.factor },
    h("td", {}, factorName(record.factor)),
    h("td", { class: `num ${record.correlation > 0 ? "up" : record.correlation < 0 ? "down" : "faint"}` }, signed(record.correlation, 3)),
    h("td", { class: "num" }, number(record.hit_rate === null ? null : record.hit_rate * 100, 1)),
    h("td", { class: "num muted" }, number(record.outcomes))));
  return h("div", { class: "table-scroll" }, h("table", { class: "table", "aria-label": t("Factors alone") },
    h("thead", {}, h("tr", {}, heads.map(([text, name]) => h("th", { scope: "col", class: name }, text)))), h("tbody", {}, lines)));
}

const emptyBox = () => stateBox("empty", t("No outcomes of such signals yet"), t("They come with time; over the stored history at once by {command}", { command: FILL }));

/** Start the section: choices, picture, table. */
export function calibrationSection() {
  const wanted = { interval: "", horizon: "", source: "" };
  const [host, records] = [byId("calibration"), byId("factor-records")];
  let bins = [];
  let turn = 0;
  let width = 0;

  function draw() {
    width = Math.max(280, Math.floor(host.clientWidth));
    if (bins.length) host.replaceChildren(picture(bins, width));
  }

  async function load() {
    const mine = ++turn;
    try {
      const [calibration, alone] = await Promise.all([get(query("/market/calibration", wanted)), get(query("/market/factor-records", wanted))]);
      if (mine !== turn) return;
      bins = calibration.bins.filter((bin) => bin.outcomes > 0);
      setText(byId("calibration-note"), bins.length ? t("{n} outcomes · lines: 95 % interval (Wilson)", { n: number(bins.reduce((sum, bin) => sum + bin.outcomes, 0)) }) : "");
      if (bins.length) draw();
      else host.replaceChildren(emptyBox());
      records.replaceChildren(alone.factors.length ? recordTable(alone.factors) : emptyBox());
    } catch (error) {
      if (mine !== turn) return;
      bins = [];
      host.replaceChildren(stateBox("error", t("Could not load"), error.message, load));
      records.replaceChildren();
    }
  }

  for (const key of Object.keys(wanted)) {
    const group = byId(`calibration-${key}`);
    wanted[key] = group.querySelector("[aria-pressed=true]").dataset[key];
    group.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      wanted[key] = button.dataset[key];
      for (const other of group.children) other.setAttribute("aria-pressed", String(other === button));
      load();
    });
  }
  host.replaceChildren(skeletonRows(3));
  records.replaceChildren(skeletonRows(3));
  new ResizeObserver(() => { if (Math.floor(host.clientWidth) !== width) draw(); }).observe(host);
  setInterval(load, AGAIN_MS);
  load();
}
