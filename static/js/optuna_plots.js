/* Optuna's own figures, in the colours of the page. The server sends Plotly's JSON. */

import { get } from "./api.js";
import { byId } from "./dom.js";
import { axis, baseLayout, Plot, seriesColor, titled } from "./plots.js";
import { t } from "./strings.js";
import { token } from "./theme.js";
import { skeletonRows, stateBox } from "./ui.js";

/* Completed trials that a figure needs; the others need one that has begun. */
const LEAST = { history: 1, importances: 2, parallel_coordinate: 1, slice: 1 };
const OF_PARAMETERS = new Set(["importances", "parallel_coordinate", "slice"]);
const STATE_COLORS = { COMPLETE: "up", PRUNED: "warn", FAIL: "critical", RUNNING: "accent", WAITING: "text-3" };
const WORDS = {
  "Objective Value": t("objective value"), "Best Value": t("best value"), Trial: t("trial"), Step: t("epoch"), "Intermediate Value": t("intermediate value"),
  "Hyperparameter Importance": t("importance"), Hyperparameter: t("parameter"), Datetime: t("time"), "Importance for Objective Value": t("importance"),
};
/* Axes that count. */
const WHOLE = new Set([t("trial"), t("epoch")]);
const said = (text) => WORDS[text] ?? text;

const axisText = (given) => said(typeof given?.title === "string" ? given.title : given?.title?.text ?? "");

/** Colours from low to high on the page's ground. */
const ramp = () => [[0, token("accent")], [1, token("warn")]];

function painted(trace, index, kind) {
  if (kind === "parallel_coordinate" && trace.mode === "lines") {
    return { ...trace, opacity: 0.75, line: { ...trace.line, color: between(token("accent"), token("warn"), trace.y[0]) } };
  }
  const color = STATE_COLORS[trace.name] ? token(STATE_COLORS[trace.name]) : seriesColor(index);
  const many = Array.isArray(trace.marker?.color) || Boolean(trace.marker?.color?.bdata);
  const bar = trace.marker?.colorbar;
  const marker = many
    ? { ...trace.marker, colorscale: ramp(), reversescale: false, line: { width: 0 }, ...(bar ? { colorbar: { ...bar, title: { text: axisText(bar), font: { size: 11 } }, outlinewidth: 0, thickness: 12, tickfont: { color: token("text-3") } } } : {}) }
    : { ...trace.marker, color, line: { width: 0 } };
  return { ...trace, name: said(trace.name), marker, line: { ...trace.line, color }, textfont: { color: token("text-2") } };
}

function between(from, to, share) {
  const mix = [1, 3, 5].map((at) => Math.round(parseInt(from.slice(at, at + 2), 16) * (1 - share) + parseInt(to.slice(at, at + 2), 16) * share));
  return `rgb(${mix.join(", ")})`;
}

const plain = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

function axisOf(given, kind, name, count) {
  const { type, domain, anchor, matches, showticklabels, autorange, range, tickvals, ticktext } = given;
  const title = axisText(given).replace(/^(model|train|window|loss)\./, "");
  const along = kind === "parallel_coordinate";
  return axis(plain({
    type, domain, anchor, matches, autorange: autorange === "reversed" ? "reversed" : undefined, tickvals,
    ticktext: ticktext?.map((text) => said(text).replace(/^(model|train|window|loss)\./, "")), showticklabels: along && name === "y" ? false : showticklabels,
    showgrid: along && name === "y" ? false : undefined, gridcolor: along ? token("line-2") : undefined, range: along ? range : undefined,
    title: title ? titled(title) : undefined, exponentformat: type === "log" ? "power" : undefined,
    ...(given.type !== "log" && given.type !== "date" && WHOLE.has(axisText(given)) ? { tick0: 0, dtick: Math.max(1, Math.ceil(count / 10)) } : {}),
  }));
}

/** A figure of Optuna with the page's axes, fonts and colours. */
export function themed(figure, kind) {
  const given = figure.layout ?? {};
  const count = Math.max(...figure.data.map((trace) => trace.x?.length ?? 0));
  const names = Object.keys(given).filter((name) => /^[xy]axis\d*$/.test(name));
  const axes = Object.fromEntries(names.map((name) => [name, axisOf(given[name], kind, name[0], count)]));
  const named = figure.data.filter((trace) => trace.showlegend !== false && trace.name);
  const annotations = (given.annotations ?? []).map((each) => ({ ...each, bgcolor: token("surface"), borderpad: 1, font: { size: 10, color: token("text-2") } }));
  return {
    traces: figure.data.map((trace, index) => painted(trace, index, kind)),
    layout: baseLayout({ barmode: given.barmode, annotations, showlegend: named.length > 1 && named.length <= 12, xaxis: axis(), yaxis: axis(), ...axes }),
  };
}

/** The section: one figure at a time; `follow(study, begun)` tells how the study stands. */
export class OptunaPlots {
  constructor(study) {
    this.study = study;
    this.kind = "history";
    this.figure = null;
    this.turn = 0;
    this.plot = new Plot(byId("optuna-plot"), () => (this.figure ? themed(this.figure, this.kind) : null));
    byId("optuna-kind").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      this.kind = button.dataset.plot;
      for (const other of button.parentNode.children) other.setAttribute("aria-pressed", String(other === button));
      this.figure = null;
      this.show(skeletonRows(4));
      this.load();
    });
    this.show(skeletonRows(4));
  }

  show(state) {
    byId("optuna-plot").hidden = Boolean(state);
    byId("optuna-state").replaceChildren(...(state ? [state] : []));
  }

  /** Look whether there is anything to draw, and draw it. */
  follow(study, begun) {
    this.row = study;
    this.begun = begun;
    this.load();
  }

  /** Why the server would have nothing to draw; empty when it has. */
  get lack() {
    const complete = this.row.counts?.complete ?? 0;
    const least = LEAST[this.kind];
    if (OF_PARAMETERS.has(this.kind) && !Object.keys(this.row.spec?.space ?? {}).length) return t("This study searches no parameter.");
    if (least) return complete < least ? t("Complete trials needed: {n}; so far: {have}.", { n: least, have: complete }) : "";
    return this.begun ? "" : t("No trial has begun yet");
  }

  async load() {
    const mine = ++this.turn;
    if (!this.row) return;
    if (this.lack) return this.show(stateBox("empty", t("Nothing to draw yet"), this.lack));
    try {
      const figure = await get(`/training/studies/${this.study}/plots/${this.kind}`);
      if (mine !== this.turn) return;
      this.figure = figure;
      this.show(null);
      byId("optuna-plot").dataset.kind = this.kind;
      this.plot.now();
    } catch (error) {
      if (mine !== this.turn || this.figure) return;
      this.show(stateBox("error", t("Could not load"), error.message, () => this.load()));
    }
  }
}
