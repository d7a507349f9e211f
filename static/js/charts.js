/* The one chart module. Plotly is loaded by the page as /static/plotly/plotly.min.js.

   CandleChart(host, { onHover }): setBars(bars, { tick, step }), updateBar(bar).
   `overlays` (overlays.js) adds lines, zones, marks and panels; `onMark(id)` is told of
   a click on a mark; `headroom` (pixels) stays free above the prices.
   A bar is [openTime, open, high, low, close, volume, quoteVolume, trades, closed].
   The live bar changes the arrays in place; the plot is redrawn at most 2.5 times a
   second (a redraw takes about 50 ms) and keeps the reader's zoom. */

import { axisTime, mixed, resolved } from "./chart_paint.js";
import { atMost } from "./dom.js";
import { decimals } from "./format.js";
import { localised } from "./plot_locale.js";
import { theme, token } from "./theme.js";

const REDRAW_MS = 400;
const VISIBLE_BARS = 120;
const VISIBLE_BARS_NARROW = 60;
const OUTSIDE_BARS = 40;
const MAX_BARS = 3000;
const NARROW = 640;
const CONFIG = { displayModeBar: false, scrollZoom: true, responsive: false, doubleClick: false };

export class CandleChart {
  constructor(host, { onHover = () => {} } = {}) {
    this.host = host;
    this.onHover = onHover;
    this.bars = [];
    this.tick = 0.01;
    this.followed = true;
    this.overlays = null;
    this.onMark = () => {};
    this.headroom = 0;
    this.redraw = atMost(REDRAW_MS, () => this.draw());
    this.resizer = new ResizeObserver(() => this.ready && Plotly.Plots.resize(host));
    this.resizer.observe(host);
    this.restyle = () => this.ready && this.draw();
    document.addEventListener("quantai:theme", this.restyle);
    document.addEventListener("quantai:time", this.restyle);
  }

  /** Replace all bars and show the newest ones. */
  setBars(bars, { tick = this.tick } = {}) {
    this.bars = bars.map((bar) => [...bar]);
    this.tick = tick ?? this.tick;
    this.columns();
    this.followed = true;
    this.draw();
  }

  /** Change the live bar, or append the next. Older bars than the last are ignored. */
  updateBar(bar) {
    const last = this.bars.at(-1);
    if (!last) return;
    if (bar[0] === last[0]) this.bars[this.bars.length - 1] = [...bar];
    else if (bar[0] > last[0]) this.bars.push([...bar]);
    else return;
    if (this.bars.length > MAX_BARS) this.bars.splice(0, this.bars.length - MAX_BARS);
    this.column(this.bars.length - 1);
    this.redraw();
  }

  get interval() {
    const n = this.bars.length;
    return n > 1 ? this.bars[n - 1][0] - this.bars[n - 2][0] : 900_000;
  }

  columns() {
    this.x = [];
    this.series = { open: [], high: [], low: [], close: [], volume: [] };
    this.bars.forEach((_, index) => this.column(index));
  }

  column(index) {
    const [time, open, high, low, close, volume] = this.bars[index];
    this.x[index] = time;
    Object.entries({ open, high, low, close, volume }).forEach(([key, value]) => {
      this.series[key][index] = value;
    });
  }

  /** Show the newest bars again. */
  latest() {
    this.followed = true;
    this.draw();
  }

  range() {
    const last = this.bars.at(-1)[0];
    const first = this.bars.at(-Math.min(this.visible, this.bars.length))[0];
    return [axisTime(first - this.interval), axisTime(last + this.interval * 6)];
  }

  get narrow() {
    return this.host.clientWidth < NARROW;
  }

  get visible() {
    return this.narrow ? VISIBLE_BARS_NARROW : VISIBLE_BARS;
  }

  /** First bar given to Plotly: while following, only what can be seen, because every
      redraw costs per bar, seen or not. */
  get first() {
    return this.followed ? Math.max(0, this.bars.length - this.visible - OUTSIDE_BARS) : 0;
  }

  /** What overlays draw on: bars, axes of the panels, height of the prices shown. */
  view([low, high]) {
    return { bars: this.bars.slice(this.first), axis: (panel) => `y${3 + this.panels.indexOf(panel)}`, span: high - low };
  }

  get panels() {
    return this.overlays?.panels ?? [];
  }

  traces(view) {
    const up = token("up");
    const down = token("down");
    const x = this.x.slice(this.first).map(axisTime);
    const shown = Object.entries(this.series).map(([key, values]) => [key, values.slice(this.first)]);
    const { open, high, low, close, volume } = Object.fromEntries(shown);
    const paint = [resolved(mixed("up", 38)), resolved(mixed("down", 38))];
    const color = close.map((value, index) => paint[value >= open[index] ? 0 : 1]);
    return [
      { type: "bar", x, y: volume, yaxis: "y2", marker: { color, line: { width: 0 } }, hoverinfo: "none" },
      ...(this.overlays?.traces(view) ?? []),
      {
        type: "candlestick", x, open, high, low, close, hoverinfo: "none", whiskerwidth: 0,
        increasing: { line: { color: up, width: 1 }, fillcolor: up },
        decreasing: { line: { color: down, width: 1 }, fillcolor: down },
      },
    ];
  }

  layout([range, prices], view) {
    const [priceRows, volumeRows, ...panelRows] = rows(this.panels.length);
    const axis = {
      gridcolor: token("line"), linecolor: token("line"), zeroline: false, fixedrange: false,
      tickfont: { color: token("text-3"), size: 11 }, automargin: false,
      showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "2px",
      spikecolor: token("text-3"), spikesnap: "cursor",
    };
    return {
      margin: { l: 6, r: 74, t: Math.max(this.headroom, this.narrow ? 62 : 34), b: 38 }, dragmode: "pan", hovermode: "x", showlegend: false,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", bargap: 0.25,
      font: { family: getComputedStyle(document.body).fontFamily, color: token("text-2"), size: 11 },
      xaxis: { ...axis, type: "date", range, rangeslider: { visible: false }, anchor: this.panels.length ? view.axis(this.panels.at(-1)) : "y2" },
      yaxis: {
        ...axis, side: "right", domain: priceRows, range: prices, fixedrange: true,
        tickformat: `,.${decimals(this.tick)}f`,
      },
      yaxis2: { ...axis, side: "right", domain: volumeRows, showgrid: false, fixedrange: true, nticks: 3, rangemode: "tozero", tickformat: ".2s", showspikes: false },
      ...Object.fromEntries(this.panels.map((panel, index) => [`yaxis${3 + index}`, this.panelAxis(axis, panel, panelRows[index])])),
      shapes: [...(this.overlays?.shapes(view) ?? []), this.priceLine()],
      annotations: [this.priceLabel(), ...(this.overlays?.titles(view) ?? [])],
    };
  }

  panelAxis(axis, panel, domain) {
    const range = this.overlays.axisRange(panel);
    return { ...axis, side: "right", domain, fixedrange: true, nticks: 3, showspikes: false, showgrid: false, ...(range ? { range } : { autorange: true }) };
  }

  /** Times shown, and prices with room for all bars in them. */
  ranges() {
    const shown = this.ready && !this.followed ? this.host.layout.xaxis.range.map(asMs) : this.range();
    const inside = this.bars.filter((bar) => axisTime(bar[0]) >= shown[0] && axisTime(bar[0]) <= shown[1]);
    const seen = inside.length ? inside : this.bars;
    const low = Math.min(...seen.map((bar) => bar[3]));
    const high = Math.max(...seen.map((bar) => bar[2]));
    const room = (high - low || high * 0.001) * 0.06;
    return [shown, [low - room, high + room]];
  }

  tone() {
    const [, open, , , close] = this.bars.at(-1);
    return token(close >= open ? "up" : "down");
  }

  priceLine() {
    const close = this.bars.at(-1)[4];
    return { type: "line", xref: "paper", x0: 0, x1: 1, yref: "y", y0: close, y1: close, line: { color: this.tone(), width: 1, dash: "2px" } };
  }

  priceLabel() {
    const close = this.bars.at(-1)[4];
    return {
      xref: "paper", x: 1, xanchor: "left", yref: "y", y: close, showarrow: false, borderpad: 2,
      text: close.toLocaleString("en-US", { minimumFractionDigits: decimals(this.tick), maximumFractionDigits: decimals(this.tick) }),
      bgcolor: this.tone(), font: { color: token("surface"), size: 11 },
    };
  }

  draw() {
    if (!this.bars.length || !this.host.isConnected) return;
    const ranges = this.ranges();
    const view = this.view(ranges[1]);
    Plotly.react(this.host, this.traces(view), this.layout(ranges, view), localised(CONFIG));
    this.host.dataset.theme = theme();
    if (!this.ready) this.listen();
    this.ready = true;
  }

  listen() {
    const moved = (change) => {
      if (!Object.keys(change).some((key) => key.startsWith("xaxis.range"))) return;
      this.followed = false;
      this.redraw();
    };
    this.host.on("plotly_relayout", moved);
    this.host.on("plotly_hover", ({ points }) => {
      const candle = points.find((point) => point.data.type === "candlestick");
      if (candle) this.onHover(this.bars[this.first + candle.pointNumber] ?? null);
    });
    this.host.on("plotly_click", ({ points }) => {
      const mark = points.find((point) => point.data.name === "signals");
      if (mark) this.onMark(mark.customdata);
    });
    this.host.on("plotly_unhover", () => this.onHover(null));
  }

  destroy() {
    this.resizer.disconnect();
    document.removeEventListener("quantai:theme", this.restyle);
    document.removeEventListener("quantai:time", this.restyle);
    if (this.ready) Plotly.purge(this.host);
  }
}

/** Heights of prices, volume and `panels` more rows, as shares of the plot. */
function rows(panels) {
  if (!panels) return [[0.2, 1], [0, 0.16]];
  const height = panels > 2 ? 0.125 : 0.15;
  const below = Array.from({ length: panels }, (_, index) => {
    const start = (panels - 1 - index) * (height + 0.025);
    return [start, start + height];
  });
  const volume = panels * (height + 0.025);
  return [[volume + 0.12, 1], [volume, volume + 0.095], ...below];
}

/** A range end as Plotly writes it back ("2026-01-01 10:00:00.5"), in axis time. */
const asMs = (value) => (typeof value === "number" ? value : Date.parse(`${String(value).replace(" ", "T")}Z`));
