/* What is drawn over and below the candles: indicators, zones, events, signal marks.

   `Overlays` is given to a CandleChart, which asks for `panels`, `traces(view)` and
   `shapes(view)` at each draw. A view is { bars, axis(panel), span }: the bars drawn,
   the axis of a panel, the height of the prices shown. */

import { axisTime, mixed, resolved } from "./chart_paint.js";
import { number, price } from "./format.js";
import { directionOf } from "./signals.js";
import { t } from "./strings.js";
import { token } from "./theme.js";

const ZONES_DRAWN = 60;
const MARK_ROOM = 0.025;
const EVENTS = {
  bos_up: ["BOS", 1, t("break of structure up")], choch_up: ["CHoCH", 1, t("change of character up")],
  bos_down: ["BOS", -1, t("break of structure down")], choch_down: ["CHoCH", -1, t("change of character down")],
};
/** name → series, token of the colour, dash; drawn over the candles. */
const LINES = {
  ema_fast: [["ema_fast", "series-1", "solid"]],
  ema_slow: [["ema_slow", "series-2", "solid"]],
  bollinger: [["bb_upper", "series-3", "solid"], ["bb_middle", "series-3", "dot"], ["bb_lower", "series-3", "solid"]],
};
const PANELS = { rsi: [30, 70], macd: [], adx: [25] };
const PANEL_LINES = { rsi: [["rsi", "series-1"]], macd: [["macd", "series-1"], ["macd_signal_line", "series-2"]], adx: [["adx", "series-3"]] };
const PANEL_NAMES = { rsi: "RSI 14", macd: "MACD 12 26 9", adx: "ADX 14" };
const ZONES = { gaps: "fair_value_gap", blocks: "order_block" };
/** What needs the indicators of the server. */
export const FROM_INDICATORS = [...Object.keys(LINES), ...Object.keys(PANELS), ...Object.keys(ZONES), "events"];

export class Overlays {
  constructor() {
    this.chosen = new Set();
    this.marksFrom = 0;
    this.values = null;
    this.signals = new Map();
  }

  get panels() {
    return Object.keys(PANELS).filter((name) => this.chosen.has(name));
  }

  /** Take the answer of GET /market/indicators, or null while there is none. */
  setValues(values) {
    this.values = values;
    this.places = new Map(values?.times.map((time, index) => [time, index]));
  }

  /** Of several signals of one bar the newest is marked. */
  addSignals(rows) {
    for (const row of rows) {
      const old = this.signals.get(row.bar_open);
      if (!old || row.id >= old.id) this.signals.set(row.bar_open, row);
    }
  }

  axisRange(panel) {
    return panel === "rsi" ? [0, 100] : null;
  }

  traces(view) {
    const parts = this.values ? [...this.lines(view), ...this.panelTraces(view), ...this.eventTexts(view)] : [];
    return [...parts, ...this.marks(view)];
  }

  /** The values of a series at the drawn bars; null where there is none. */
  column(name, bars) {
    const series = this.values.series[name];
    return bars.map((bar) => series[this.places.get(bar[0])] ?? null);
  }

  line(view, [name, color, dash = "solid"], yaxis) {
    return {
      type: "scatter", mode: "lines", name, x: view.bars.map((bar) => axisTime(bar[0])), y: this.column(name, view.bars), yaxis,
      hoverinfo: "skip", connectgaps: false, line: { color: token(color), width: 1.3, dash },
    };
  }

  lines(view) {
    const chosen = Object.keys(LINES).filter((name) => this.chosen.has(name));
    return chosen.flatMap((name) => LINES[name].map((line) => this.line(view, line, "y")));
  }

  panelTraces(view) {
    return this.panels.flatMap((panel) => [
      ...(panel === "macd" ? [this.histogram(view)] : []),
      ...PANEL_LINES[panel].map((line) => this.line(view, line, view.axis(panel))),
    ]);
  }

  histogram(view) {
    const y = this.column("macd_histogram", view.bars);
    const paint = [resolved(mixed("up", 45)), resolved(mixed("down", 45))];
    return {
      type: "bar", name: "macd_histogram", x: view.bars.map((bar) => axisTime(bar[0])), y, yaxis: view.axis("macd"),
      hoverinfo: "skip", marker: { color: y.map((value) => paint[value >= 0 ? 0 : 1]), line: { width: 0 } },
    };
  }

  eventTexts(view) {
    if (!this.chosen.has("events")) return [];
    const words = this.values.words.structure_event;
    const codes = this.column("structure_event", view.bars);
    const found = view.bars.map((bar, index) => [bar, EVENTS[words[codes[index]]]]).filter(([, event]) => event);
    return [{
      type: "scatter", mode: "text", name: "events", cliponaxis: true,
      x: found.map(([bar]) => axisTime(bar[0])), y: found.map(([bar, [, side]]) => (side > 0 ? bar[2] : bar[3])),
      text: found.map(([, [text, side]]) => (side > 0 ? `${text} ↑` : `${text} ↓`)),
      textposition: found.map(([, [, side]]) => (side > 0 ? "top center" : "bottom center")),
      textfont: { size: 10, color: found.map(([, [, side]]) => token(side > 0 ? "up" : "down")) },
      hovertext: found.map(([, [, , words_]]) => words_), hoverinfo: "text",
    }];
  }

  /** Triangles below the bar for a long, above it for a short. */
  marks(view) {
    if (!this.chosen.has("marks")) return [];
    const found = view.bars.map((bar) => [bar, this.signals.get(bar[0])])
      .filter(([, signal]) => signal && signal.score >= this.marksFrom);
    const room = view.span * MARK_ROOM;
    return [{
      type: "scatter", mode: "markers", name: "signals", customdata: found.map(([, signal]) => signal.id),
      x: found.map(([bar]) => axisTime(bar[0])),
      y: found.map(([bar, signal]) => (signal.direction === "long" ? bar[3] - room : bar[2] + room)),
      hoverinfo: "text", hovertext: found.map(([, signal]) => markText(signal)),
      hoverlabel: { bgcolor: token("surface-3"), bordercolor: token("line-2"), font: { color: token("text"), size: 12 } },
      marker: {
        size: found.map(([, signal]) => (signal.prime ? 13 : 10)), opacity: 1,
        symbol: found.map(([, { direction }]) => ({ long: "triangle-up", short: "triangle-down" })[direction] ?? "circle"),
        color: found.map(([, signal]) => token(directionOf(signal)[1] || "text-3")),
        line: { width: 1.5, color: token("surface") },
      },
    }];
  }

  shapes(view) {
    if (!this.values) return [];
    return [...this.zones(view), ...this.panels.flatMap((panel) => PANELS[panel].map((level) => levelLine(level, view.axis(panel))))];
  }

  zones({ bars }) {
    const kinds = new Set(Object.keys(ZONES).filter((name) => this.chosen.has(name)).map((name) => ZONES[name]));
    const [first, last] = [bars[0][0], bars.at(-1)[0]];
    const seen = this.values.zones.filter((zone) => kinds.has(zone.kind) && (zone.until ?? last) > first && zone.since <= last);
    return seen.slice(-ZONES_DRAWN).map((zone) => zoneBox(zone, last));
  }

  titles(view) {
    return this.panels.map((panel) => ({
      xref: "paper", x: 0, xanchor: "left", yref: `${view.axis(panel)} domain`, y: 1, yanchor: "top", showarrow: false,
      text: PANEL_NAMES[panel], font: { size: 10, color: token("text-3") }, borderpad: 2,
    }));
  }

  /** [name, class, text] of what is drawn, at a bar or at the last one known. */
  readout(time, tick) {
    if (!this.values) return [];
    const last = this.values.times.length - 1;
    const at = time > this.values.times[last] ? last : this.places.get(time);
    const value = (name) => this.values.series[name][at];
    const rows = [
      ["ema_fast", "EMA 20", "series-1", () => price(value("ema_fast"), tick)],
      ["ema_slow", "EMA 50", "series-2", () => price(value("ema_slow"), tick)],
      ["bollinger", "BB 20", "series-3", () => `${price(value("bb_lower"), tick)} – ${price(value("bb_upper"), tick)}`],
      ["rsi", "RSI", "series-1", () => number(value("rsi"), 1)],
      ["macd", "MACD", "series-1", () => price(value("macd"))],
      ["adx", "ADX", "series-3", () => number(value("adx"), 1)],
    ];
    return rows.filter(([name]) => this.chosen.has(name)).map(([, label, color, text]) => [label, color, text()]);
  }
}

const markText = (signal) => t("{direction}, score {score}", { direction: `${directionOf(signal)[0]} ${directionOf(signal)[2]}`, score: number(signal.score) });

const levelLine = (level, yref) => ({
  type: "line", xref: "paper", x0: 0, x1: 1, yref, y0: level, y1: level, line: { color: token("line-2"), width: 1, dash: "dot" },
});

function zoneBox(zone, last) {
  const tone = zone.side === "bullish" ? "up" : "down";
  const gap = zone.kind === "fair_value_gap";
  return {
    type: "rect", xref: "x", yref: "y", layer: "below", name: zone.kind,
    x0: axisTime(zone.since), x1: axisTime(zone.until ?? last), y0: zone.low, y1: zone.high,
    fillcolor: resolved(mixed(tone, gap ? 12 : 16)), line: { width: gap ? 0 : 1, color: resolved(mixed(tone, 45)) },
  };
}
