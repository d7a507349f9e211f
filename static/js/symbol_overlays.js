/* Overlays of the Symbol page: fetched when the page loads, when the interval changes
   and when a bar closes, never with the live bar. */

import { get, query } from "./api.js";
import { openBreakdown } from "./breakdown.js";
import { byId, setText } from "./dom.js";
import { overlayMenu, keptChoice } from "./overlay_menu.js";
import { FROM_INDICATORS, Overlays } from "./overlays.js";
import { signalStore } from "./signals.js";
import { t } from "./strings.js";

// The feed stores a closed bar in batches: ask a moment later, and again if it is late.
const STORED_AFTER_MS = 1_500;
const LATE_TRIES = 4;
const MARKS = 200;

/** Draw the overlays of `symbol` on `chart`; `limit` bars of the present interval. */
export class SymbolOverlays {
  constructor(chart, symbol, limit) {
    Object.assign(this, { chart, symbol, limit, interval: null, closed: 0, tries: 0, turn: 0 });
    this.overlays = new Overlays();
    chart.overlays = this.overlays;
    chart.onMark = openBreakdown;
    this.take(keptChoice());
    overlayMenu(byId("overlay-menu"), (choice) => {
      this.take(choice);
      this.refresh();
    });
  }

  take({ chosen, marksFrom }) {
    this.overlays.chosen = new Set(chosen);
    this.overlays.marksFrom = marksFrom;
    byId("chart").dataset.panels = String(this.overlays.panels.length);
  }

  /** Another interval is chosen: nothing of the one before belongs to it. The values
      come with `refresh`, once there are candles. */
  show(interval) {
    this.interval = interval;
    this.closed = 0;
    this.overlays.setValues(null);
    this.overlays.signals = new Map();
    this.store?.close();
    this.store = signalStore({ symbol: this.symbol, interval }, MARKS);
    this.store.onChange((fresh) => {
      const mine = fresh.filter((row) => row.symbol === this.symbol && row.interval === interval);
      if (!mine.length) return;
      this.overlays.addSignals(mine);
      this.draw();
    });
    this.turn += 1;
  }

  /** Told of every live bar; asks again only once a bar has closed. */
  bar([openTime, , , , , , , , closed], length) {
    const newest = closed ? openTime : openTime - length;
    if (newest <= this.closed) return;
    const first = this.closed === 0;
    this.closed = newest;
    if (!first) this.later();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), STORED_AFTER_MS);
  }

  get needed() {
    return FROM_INDICATORS.some((name) => this.overlays.chosen.has(name));
  }

  async refresh() {
    const turn = ++this.turn;
    if (!this.needed) return this.draw();
    try {
      const values = await get(query("/market/indicators", { symbol: this.symbol, interval: this.interval, limit: this.limit }));
      if (turn !== this.turn) return;
      this.overlays.setValues(values);
      this.note("");
      this.askLate(values.times.at(-1));
    } catch (error) {
      if (turn !== this.turn) return;
      this.note(`${t("Indicators could not be loaded")}: ${error.message}`);
    }
    this.draw();
  }

  askLate(newest) {
    this.tries = newest < this.closed ? this.tries + 1 : 0;
    if (this.tries && this.tries <= LATE_TRIES) this.later();
  }

  note(text) {
    setText(byId("overlay-note"), text);
  }

  draw() {
    byId("chart").dataset.panels = String(this.overlays.panels.length);
    this.chart.draw();
    this.onDraw?.();
  }
}
