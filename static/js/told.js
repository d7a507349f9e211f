/* Sentences that the server keeps with its rows: English there, here in the language of
   the page. What is not listed stays as it is. */

import { t } from "./strings.js";

/** A sentence as the server writes it, `{…}` where it puts a value, `{n}` a count. */
function said(english) {
  const names = [];
  const pattern = english.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{(\w+)\}/g, (_, name) => {
    names.push(name);
    return name === "n" ? "(\\d+)" : "(.+?)";
  });
  return { pattern: new RegExp(`^${pattern}$`), names, english };
}

/* Longer ones before those that they begin with. */
const SENTENCES = [
  said("averages {distance} ATR apart, ADX {adx}"),
  said("RSI {rsi}, MACD histogram {histogram} ATR"),
  said("bands {ratio} × as wide as usual, close at {place} of them"),
  said("structure {structure}, event {event}, liquidity {liquidity}, {below} zones below, {above} above"),
  said("volume of takers unknown"),
  said("nobody traded"),
  said("takers bought {share} of the volume"),
  said("quote unknown"),
  said("best bid {bid}, best ask {ask}"),
  said("funding and mark unknown"),
  said("funding {funding}, premium {premium}"),
  said("funding {funding}"),
  said("premium {premium}"),
  said("no valid forecast"),
  said("model expects {expected}, ATR is {atr}"),
  said("bullish"),
  said("bearish"),
  said("neutral"),
  said("none"),
  said("bos_up"),
  said("choch_up"),
  said("bos_down"),
  said("choch_down"),
  said("highs_swept"),
  said("lows_swept"),
  said("both_swept"),
  said("equal_highs"),
  said("equal_lows"),
  said("equal_highs_and_lows"),
  said("{text} {n} more overflows of this epoch are in the scale's runs only."),
  said("{share} of the model's own outputs are no numbers: the forward pass leaves fp16's range and no scale helps. Lower the learning rate, clip gradients, look at the data of this batch, or use bf16."),
  said("Overflow {streak} times in a row; the step was skipped and the scale went from {before} to {after}. If it goes on, lower the learning rate or clip gradients harder."),
  said("Ordinary at the start: the scaler looks for the largest scale that the gradients bear; the step was skipped and the scale went from {before} to {after}. Nothing to do."),
  said("A gradient left fp16's range; the step was skipped and the scale went from {before} to {after}. Now and then this is how the scaler finds its limit; above about 1 % of the batches lower the learning rate or raise the growth interval."),
  said("{interval} clean steps in a row: the scale grew from {before} to {after} to use more of fp16's range. Nothing to do."),
  said("{limit} overflows in a row: the scale was halved once more, from {before} to {after}. When this repeats, the gradients grow: lower the learning rate, clip harder, or use bf16."),
  said("The scale {scale} is above {limit}. Small healthy networks settle there; when the loss stands still as well, the gradients are nearly nothing: normalise the loss (gmadl_normalised instead of gmadl) or raise GRAD_SCALER_MAX_SCALE."),
  said("{epochs} epochs in a row ended above {limit}: the scale was reset from {before} to {after}. It costs nothing; when it returns each time, the gradients are small: normalise the loss or raise GRAD_SCALER_MAX_SCALE."),
  said("{limit} overflows in a row at the smallest scale of 1: the gradients themselves leave fp16's range, so the trial ends. Lower the learning rate, clip gradients, check the data for outliers, or use bf16 or fp32."),
  said("it was cancelled"),
  said("its study was cancelled"),
  said("its worker was stopped"),
  said("its process died or was cut off from the database"),
  said("no trial was completed"),
  said("epoch {epoch}: its validation loss {loss} is no longer promising"),
];

/** The sentence in the language of the page; values that are words too. */
export function told(text) {
  for (const { pattern, names, english } of SENTENCES) {
    const found = pattern.exec(text ?? "");
    if (found) return t(english, Object.fromEntries(names.map((name, at) => [name, told(found[at + 1])])));
  }
  return text;
}
