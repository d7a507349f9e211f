/* Order book of 20 levels and the tape of trades: rows made once, hidden until they
   have data, texts changed. */

import { h, setText } from "./dom.js";
import { clockTime, number, price, quantity, spreadBps } from "./format.js";
import { t } from "./strings.js";

const LEVELS = 20;
const TRADES = 50;

function rows(list, count, cells, bar) {
  const made = Array.from({ length: count }, () => {
    const spans = Array.from({ length: cells }, () => h("span"));
    const fill = bar ? h("i") : null;
    return { line: h("li", { hidden: true }, fill, spans), spans, fill };
  });
  list.append(...made.map((row) => row.line));
  return made;
}

export class OrderBook {
  constructor(host) {
    const asks = h("ol", { class: "ladder asks", "aria-label": t("Asks") });
    const bids = h("ol", { class: "ladder bids", "aria-label": t("Bids") });
    this.units = [h("i", { class: "unit" }), h("i", { class: "unit" }), h("i", { class: "unit" })];
    const names = [t("Price"), t("Quantity"), t("Sum")];
    const head = h("div", { class: "ladder-head" }, names.map((name, i) => h("span", {}, name, " ", this.units[i])));
    this.middle = h("span");
    this.spread = h("small");
    this.host = host;
    host.append(head, asks, h("div", { class: "book-mid" }, this.middle, this.spread), bids);
    this.sides = { asks: rows(asks, LEVELS, 3, true), bids: rows(bids, LEVELS, 3, true) };
  }

  setUnits(base, quote) {
    [quote, base, base].forEach((unit, index) => setText(this.units[index], unit));
  }

  /** bids and asks: [[price, quantity], …], best first; not live: the last true ones. */
  show({ bids, asks, live }, { tick, step }) {
    const deepest = Math.max(total(bids), total(asks)) || 1;
    this.side(this.sides.bids, bids, deepest, tick, step);
    this.side(this.sides.asks, asks, deepest, tick, step);
    const [bid, ask] = [bids[0]?.[0], asks[0]?.[0]];
    const known = bid !== undefined && ask !== undefined;
    setText(this.middle, known ? price((bid + ask) / 2, tick / 10) : "–");
    this.host.classList.toggle("is-doubted", live === false);
    setText(this.spread, live === false ? t("out of date, a new one is coming")
      : t("spread {bps} bps", { bps: number(spreadBps(bid, ask), 2) }));
  }

  side(lines, levels, deepest, tick, step) {
    let sum = 0;
    lines.forEach(({ line, spans, fill }, index) => {
      const level = levels[index];
      line.hidden = !level;
      if (!level) return;
      sum += level[1];
      setText(spans[0], price(level[0], tick));
      setText(spans[1], quantity(level[1], step));
      setText(spans[2], quantity(sum, step));
      fill.style.transform = `scaleX(${(sum / deepest).toFixed(3)})`;
    });
  }
}

const total = (levels) => levels.slice(0, LEVELS).reduce((sum, level) => sum + level[1], 0);

export class Tape {
  constructor(list) {
    this.rows = rows(list, TRADES, 3, false);
  }

  /** items: [[id, time, price, quantity, buyerIsMaker], …], newest last. */
  show(items, { tick, step }) {
    const newest = items.slice(-TRADES).reverse();
    this.rows.forEach(({ line, spans }, index) => {
      const trade = newest[index];
      line.hidden = !trade;
      if (!trade) return;
      const [, time, value, amount, buyerIsMaker] = trade;
      setText(spans[0], `${buyerIsMaker ? "▼" : "▲"} ${price(value, tick)}`);
      spans[0].className = buyerIsMaker ? "down" : "up";
      setText(spans[1], quantity(amount, step));
      setText(spans[2], clockTime(time));
    });
  }
}
