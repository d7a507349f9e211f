/* Charts of the training pages on Plotly, loaded by the page as /static/plotly/plotly.min.js.

   new Plot(host, make): `make(width)` returns { traces, layout } or null for nothing yet.
   draw() at most 4 times a second; again when theme, clock or width change. */

import { inUtc } from "./format.js";
import { atMost } from "./dom.js";
import { localised } from "./plot_locale.js";
import { theme, token } from "./theme.js";

const REDRAW_MS = 250;
export const NARROW = 640;
const CONFIG = { displayModeBar: false, responsive: false, doubleClick: "reset", showTips: false };
const SERIES = ["series-1", "series-2", "series-3", "up", "down", "critical", "text-2"];
const SCALE_TICKS = 8;

/** Colour of the series `index`; there are seven. */
export const seriesColor = (index) => token(SERIES[index % SERIES.length]);
export const seriesCount = SERIES.length;

/** `#rrggbb` or `#rrggbbaa` with `share` of opacity, which Plotly understands. */
export function faded(color, share) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return `rgba(${r}, ${g}, ${b}, ${share})`;
}

export const axis = (values = {}) => ({
  gridcolor: token("line"), linecolor: token("line-2"), zeroline: false, automargin: true,
  tickfont: { color: token("text-3"), size: 11 }, title: { font: { size: 11, color: token("text-2") }, standoff: 6 }, ...values,
});

/** An axis of whole numbers up to `last` (epochs, trials). */
export const countAxis = (last, values = {}) => axis({ tick0: 0, dtick: Math.max(1, Math.ceil(last / 10)), tickformat: ",d", ...values });

export const titled = (text) => ({ text, font: { size: 11, color: token("text-2") }, standoff: 6 });

/** An axis of powers of two for values between `low` and `high`. */
export function log2Axis(low, high, values = {}) {
  const [from, to] = [Math.floor(Math.log2(low)), Math.ceil(Math.log2(high))];
  const step = Math.max(1, Math.ceil((to - from) / SCALE_TICKS));
  const powers = [];
  for (let power = from - (((from % step) + step) % step); power <= to + step; power += step) powers.push(power);
  const room = Math.max(0.25, (to - from) * 0.06) * Math.log10(2);
  return axis({
    type: "log", range: [Math.log10(low) - room, Math.log10(high) + room], tickmode: "array",
    tickvals: powers.map((power) => 2 ** power), ticktext: powers.map((power) => `2<sup>${String(power).replace("-", "−")}</sup>`), ...values,
  });
}

/** What all charts share, with `values` on top. */
export function baseLayout(values = {}) {
  return {
    margin: { l: 8, r: 12, t: 8, b: 8 }, showlegend: false, hovermode: "closest", dragmode: "zoom",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, color: token("text-2"), size: 11 },
    hoverlabel: { bgcolor: token("surface-3"), bordercolor: token("line-2"), font: { color: token("text"), size: 12 }, align: "left", namelength: -1 },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11, color: token("text-2") } },
    ...values,
  };
}

export class Plot {
  constructor(host, make) {
    this.host = host;
    this.make = make;
    this.draw = atMost(REDRAW_MS, () => this.now());
    this.width = 0;
    this.resizer = new ResizeObserver(() => {
      if (host.clientWidth !== this.width) this.draw();
    });
    this.resizer.observe(host);
    document.addEventListener("quantai:theme", this.draw);
    document.addEventListener("quantai:time", this.draw);
  }

  /** Draw at once. */
  now() {
    this.width = this.host.clientWidth;
    if (!this.host.isConnected || !this.width || !globalThis.Plotly) return;
    const made = this.make(this.width);
    if (!made) return;
    const narrow = this.width < NARROW;
    // On a phone a drag scrolls the page.
    const layout = { ...made.layout, width: this.width, height: this.host.clientHeight, ...(narrow ? { dragmode: false } : {}) };
    Plotly.react(this.host, made.traces, layout, localised(CONFIG));
    this.host.dataset.theme = theme();
    this.host.dataset.zone = inUtc() ? "utc" : "local";
  }

  destroy() {
    this.resizer.disconnect();
    document.removeEventListener("quantai:theme", this.draw);
    document.removeEventListener("quantai:time", this.draw);
    if (this.host.data) Plotly.purge(this.host);
  }
}

/** Long text for a hover label: lines of about `width` letters, Chinese ones of half as many. */
export function wrapped(text, width = 60) {
  const lines = [""];
  let taken = 0;
  for (const word of String(text).split(/(?<= )|(?<=[\u3000-\u9fff\uff00-\uffef])/)) {
    const wide = /[\u3000-\u9fff\uff00-\uffef]/.test(word) ? word.length + 1 : word.length;
    if (taken + wide > width) {
      lines.push("");
      taken = 0;
    }
    lines[lines.length - 1] += word;
    taken += wide;
  }
  // Plotly reads a few tags in labels; texts of the server are no markup.
  return lines.map((line) => line.trim().replaceAll("<", "‹").replaceAll(">", "›")).join("<br>");
}
