/* How a trial's model did on bars it had never seen: errors, strategies after fees beside
   those that need no model, and their equity. */

import { axisTime } from "./chart_paint.js";
import { byId, h, setText } from "./dom.js";
import { dateTime, number } from "./format.js";
import { axis, baseLayout, Plot, seriesColor, titled } from "./plots.js";
import { t } from "./strings.js";
import { figure, percent } from "./training.js";

const STRATEGIES = { model: t("this model"), buy_and_hold: t("buy and hold"), flat: t("flat"), sign: t("sign of the last bar"), persistence: t("persistence") };
const ERRORS = { mae: ["MAE", figure], mse: ["MSE", figure], directional_accuracy: [t("right direction, %"), (value) => percent(value, 1)], gmadl: ["GMADL", figure], mae_of_zero: [t("MAE of always zero"), figure] };
const FIGURES = {
  final_value: [t("final value"), (value) => number(value, 4)], arc: ["ARC, %", (value) => percent(value, 1)], asd: ["ASD, %", (value) => percent(value, 1)],
  ir: ["IR", (value) => number(value, 2)], ir2: ["IR**", (value) => number(value, 2)], max_drawdown: [t("max drawdown, %"), (value) => percent(value, 1)],
  turnover: [t("turnover"), (value) => number(value, 0)], long_share: [t("long, %"), (value) => percent(value, 0)], short_share: [t("short, %"), (value) => percent(value, 0)],
};
const minus = (text) => text.replace("-", "−");
const nameOf = (name) => STRATEGIES[name] ?? name;

function table(label, heads, lines) {
  return h("div", { class: "table-scroll" }, h("table", { class: "table", "aria-label": label },
    h("thead", {}, h("tr", {}, heads.map((text, index) => h("th", { scope: "col", class: index ? "num" : "sticky-cell" }, text)))), h("tbody", {}, lines)));
}

function errorTable(metrics) {
  const parts = [["validation", t("validation")], ["test", t("test")]].filter(([key]) => metrics[key]);
  const lines = Object.entries(ERRORS).map(([key, [name, text]]) => h("tr", { "data-error-of": key },
    h("td", { class: "sticky-cell" }, name), parts.map(([part]) => h("td", { class: "num" }, minus(text(metrics[part][key]))))));
  return table(t("Errors of the forecasts"), ["", ...parts.map(([, name]) => name)], lines);
}

function strategyTable(strategies) {
  const keys = Object.keys(FIGURES);
  const lines = Object.entries(strategies).map(([name, found]) => h("tr", { "data-strategy": name, class: name === "model" ? "differs" : "" },
    h("td", { class: "sticky-cell" }, nameOf(name)), keys.map((key) => h("td", { class: "num" }, minus(FIGURES[key][1](found[key]))))));
  return table(t("Strategies after fees"), [t("Strategy"), ...keys.map((key) => FIGURES[key][0])], lines);
}

/** The section; hidden while a trial has no evaluation. */
export class Evaluation {
  constructor() {
    this.metrics = null;
    this.plot = new Plot(byId("equity-plot"), () => this.picture());
  }

  show(metrics) {
    const there = Boolean(metrics.test || metrics.strategies);
    byId("metrics-card").hidden = !there;
    const key = JSON.stringify(metrics);
    if (!there || key === this.key) return;
    this.key = key;
    this.metrics = metrics;
    const period = metrics.first ? `${dateTime(metrics.first).slice(0, 16)} – ${dateTime(metrics.last).slice(0, 16)} · ` : "";
    setText(byId("metrics-note"), `${period}${t("{n} bars, fee {fee} % a side", { n: number(metrics.bars), fee: percent(metrics.fee, 3) })}`);
    byId("trial-errors").replaceChildren(errorTable(metrics));
    byId("trial-strategies").replaceChildren(...(metrics.strategies ? [strategyTable(metrics.strategies)] : []));
    this.plot.draw();
  }

  picture() {
    const curves = Object.entries(this.metrics?.strategies ?? {}).filter(([, found]) => found.equity?.length);
    if (!curves.length) return null;
    const { bars, first, last } = this.metrics;
    const traces = curves.map(([name, { equity }], index) => ({
      type: "scatter", mode: "lines", name: nameOf(name), y: equity, x: equity.map((_, at) => axisTime(first + ((last - first) * at) / Math.max(1, equity.length - 1))),
      line: { color: seriesColor(index), width: name === "model" ? 2.25 : 1.25 }, hovertemplate: `${nameOf(name)}<br>%{y:.4f}<extra></extra>`,
    }));
    return { traces, layout: baseLayout({ showlegend: true, uirevision: String(bars), xaxis: axis({ type: "date" }), yaxis: axis({ title: titled(t("equity, 1 at the start")) }) }) };
  }
}
