/* The loss scale of every batch, as steps on a log2 axis, with a mark for each thing that
   happened to it; and the same marks as a list. */

import { h } from "./dom.js";
import { number } from "./format.js";
import { axis, baseLayout, log2Axis, Plot, titled, wrapped } from "./plots.js";
import { t } from "./strings.js";
import { token } from "./theme.js";
import { told } from "./told.js";
import { figure, scaleText } from "./training.js";
import { stateBox } from "./ui.js";

const LISTED = 200;
/* kind → [name, tone, colour, symbol of Plotly, sign] */
export const KINDS = {
  overflow: [t("Overflow"), "warn", "warn", "triangle-down", "▼"],
  growth: [t("Growth"), "good", "up", "triangle-up", "▲"],
  halving: [t("Extra halving"), "bad", "critical", "x", "✕"],
  reset: [t("Reset"), "info", "accent", "diamond", "◆"],
  above_max: [t("Above the maximum"), "warn", "series-3", "star", "★"],
  floor: [t("Stuck at the floor"), "bad", "critical", "square", "■"],
};

const kindOf = (event) => KINDS[event.kind] ?? [event.kind, "", "text-2", "circle", "•"];
export const runsOf = (epochs) => epochs.flatMap((epoch) => epoch.scale_runs ?? []);
export const eventsOf = (epochs) => epochs.flatMap((epoch) => epoch.events ?? []);

/** Corners of the steps: the scale holds from a run's first batch to its last. */
export function steps(runs) {
  const x = [];
  const y = [];
  for (const [first, , scale] of runs) {
    if (y.at(-1) === scale) continue;
    x.push(first);
    y.push(scale);
  }
  const [first, count, scale] = runs.at(-1);
  x.push(first + count);
  y.push(scale);
  return { x, y };
}

function marks(events) {
  return Object.keys(KINDS).flatMap((kind) => {
    const found = events.filter((event) => event.kind === kind);
    if (!found.length) return [];
    const [name, , color, symbol] = KINDS[kind];
    return [{
      type: "scatter", mode: "markers", name, x: found.map((event) => event.batch), y: found.map((event) => event.after),
      marker: { symbol, size: 9, color: token(color), line: { width: 1, color: token("surface") } },
      customdata: found, text: found.map(label), hovertemplate: "%{text}<extra></extra>",
    }];
  });
}

const label = (event) => `<b>${kindOf(event)[0]}</b> · ${t("epoch {e}, batch {b}", { e: number(event.epoch), b: number(event.batch) })}<br>`
  + `${scaleText(event.before)} → ${scaleText(event.after)}<br>${wrapped(told(event.advice))}`;

/** The chart; `epochs()` gives the epochs of the moment, oldest first. */
export class ScaleChart {
  constructor(host, epochs, onMark = () => {}) {
    this.host = host;
    this.epochs = epochs;
    this.onMark = onMark;
    this.shown = null;
    this.plot = new Plot(host, () => this.picture());
  }

  draw() {
    this.plot.draw();
    if (this.heard || !this.host.data) return;
    this.heard = true;
    this.host.on("plotly_click", ({ points }) => {
      const event = points.find((point) => point.customdata)?.customdata;
      if (event) this.onMark(event);
    });
  }

  /** Show what happened around `event`; null shows all. */
  point(event) {
    this.shown = event;
    this.plot.now();
  }

  picture() {
    const epochs = this.epochs();
    const runs = runsOf(epochs);
    if (!runs.length) return null;
    const { x, y } = steps(runs);
    const [low, high] = [Math.min(...y), Math.max(...y)];
    const line = {
      type: "scatter", mode: "lines", name: t("Loss scale"), x, y, line: { shape: "hv", color: token("series-1"), width: 1.75 },
      text: y.map(scaleText), hovertemplate: `${t("batch")} %{x:,}<br>%{text}<extra></extra>`,
    };
    const traces = [line, ...marks(eventsOf(epochs))];
    return { traces, layout: baseLayout({
      showlegend: true, uirevision: this.shown ? `${this.shown.batch}-${this.shown.kind}` : "all",
      xaxis: axis({ title: titled(t("batch")), range: this.range(x.at(-1)), tickformat: ",d", nticks: 8 }),
      yaxis: log2Axis(low, high, { title: titled(t("loss scale")), fixedrange: true }),
      shapes: this.shapes(epochs), annotations: this.pointer(),
    }) };
  }

  range(last) {
    if (!this.shown) return [0, last];
    const reach = Math.max(60, last * 0.04);
    return [Math.max(0, this.shown.batch - reach), Math.min(last, this.shown.batch + reach)];
  }

  /** Thin lines where epochs begin, while there is room for them. */
  shapes(epochs) {
    if (epochs.length > 60) return [];
    return epochs.slice(1).map((epoch) => ({
      type: "line", x0: epoch.first_batch, x1: epoch.first_batch, yref: "paper", y0: 0, y1: 1, layer: "below", line: { color: token("line"), width: 1 },
    }));
  }

  pointer() {
    if (!this.shown) return [];
    return [{
      x: this.shown.batch, y: Math.log10(this.shown.after), text: kindOf(this.shown)[0], showarrow: true, arrowhead: 2, arrowcolor: token("text"),
      ax: 0, ay: -34, bgcolor: token("surface-3"), bordercolor: token("line-2"), borderpad: 3, font: { color: token("text"), size: 11 },
    }];
  }
}

/** The list of marks below the chart: newest first, each a button that shows its place. */
export class MarkList {
  constructor(host, note, onPick) {
    this.host = host;
    this.note = note;
    this.onPick = onPick;
    this.kind = "";
    this.key = "";
    this.picked = null;
  }

  update(events, scaled) {
    this.events = events;
    this.scaled = scaled;
    const shown = events.filter((event) => !this.kind || event.kind === this.kind).slice(-LISTED).reverse();
    const key = `${this.kind}|${events.length}|${shown[0]?.batch}|${scaled}`;
    if (key === this.key) return;
    this.key = key;
    this.note.textContent = events.length ? t("{n} of {all}, newest first", { n: number(shown.length), all: number(events.length) }) : "";
    if (shown.length) this.host.replaceChildren(h("ol", { class: "marks" }, shown.map((event) => this.line(event))));
    else this.host.replaceChildren(scaled ? stateBox("empty", t("Nothing happened to the scale yet"), t("Overflows, growth, halvings and resets appear here with what to try.")) : stateBox("empty", t("No loss scaler")));
  }

  pick(kind) {
    this.kind = kind;
    this.key = "";
    this.update(this.events ?? [], this.scaled);
  }

  line(event) {
    const [name, tone, , , sign] = kindOf(event);
    const norm = event.gradient_norm === null || event.gradient_norm === undefined ? "" : ` · ${t("gradient norm")} ${figure(event.gradient_norm)}`;
    const button = h("button", { type: "button", "data-mark": `${event.batch}-${event.kind}`, "aria-pressed": "false" },
      h("span", { class: "mark-sign", "data-tone": tone, "aria-hidden": "true" }, sign),
      h("span", { class: "mark-name" }, name),
      h("span", { class: "faint nowrap" }, `${t("epoch {e}, batch {b}", { e: number(event.epoch), b: number(event.batch) })}${norm}`),
      h("span", { class: "num mark-change" }, `${scaleText(event.before)} → ${scaleText(event.after)}`),
      h("span", { class: "mark-advice" }, told(event.advice)));
    button.addEventListener("click", () => this.press(this.picked === button ? null : button, event));
    return h("li", {}, button);
  }

  press(button, event) {
    this.picked?.setAttribute("aria-pressed", "false");
    this.picked = button;
    button?.setAttribute("aria-pressed", "true");
    this.onPick(button ? event : null);
  }

  /** A mark was clicked in the chart: bring its line into view. */
  show(event) {
    const button = this.host.querySelector(`[data-mark="${event.batch}-${event.kind}"]`);
    if (!button) return;
    button.focus();
    button.scrollIntoView({ block: "nearest" });
  }
}
