/* What positions are worth by each price, between two answers of the server: quantity
   times price less cost, from the live quotes. For the eye; money that counts is the
   server's. */

import { toNumber } from "./accounts.js";
import { seenAt } from "./feed.js";
import { quotes } from "./quotes.js";

export const SOURCES = ["mark", "last", "mid"];

/** { mark, last, mid: { price, age } } of a symbol by the quotes of this page. */
export function pricesOf(symbol) {
  const quote = quotes().items.get(symbol);
  if (!quote) return {};
  const age = (Date.now() - seenAt(quote)) / 1000;
  const [mark, last, mid] = quote.s ?? [null, null, null];
  const middle = quote.b && quote.a ? (quote.b + quote.a) / 2 : null;
  const found = {};
  for (const [name, price, behind] of [["mark", quote.m, mark], ["last", quote.p, last], ["mid", middle, mid]]) {
    if (price !== null && price !== undefined && behind !== null && behind !== undefined) found[name] = { price, age: age + behind / 1000 };
  }
  return found;
}

const signedQuantity = (item) => toNumber(item.net ?? item.quantity);

/** Profit of a merged position or a part by `source`; the server's where no price is here. */
export function profitBy(item, symbol, source) {
  const price = pricesOf(symbol)[source]?.price;
  if (price === undefined) return toNumber(item.valuation.readings.find((one) => one.source === source)?.profit);
  return signedQuantity(item) * price - toNumber(item.cost);
}

/** The first source that is fresh here, else what the server chose. */
export function bestSource(item, symbol, limitSeconds) {
  const prices = pricesOf(symbol);
  return SOURCES.find((name) => prices[name] && prices[name].age <= limitSeconds) ?? item.valuation.source;
}

/** Profit by the best source: { source, profit }. */
export function bestProfit(item, symbol, limitSeconds) {
  const source = bestSource(item, symbol, limitSeconds);
  return { source, profit: source ? profitBy(item, symbol, source) : toNumber(item.valuation.profit) };
}

/** How far apart the fresh prices are, as a share of the highest. */
export function spreadOf(symbol, limitSeconds) {
  const fresh = Object.values(pricesOf(symbol)).filter((one) => one.age <= limitSeconds).map((one) => one.price);
  return fresh.length < 2 ? 0 : (Math.max(...fresh) - Math.min(...fresh)) / Math.max(...fresh);
}
