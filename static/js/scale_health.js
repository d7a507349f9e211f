/* What the loss scaler is doing and whether that is healthy, in plain words. */

import { number } from "./format.js";
import { percent, scaleText } from "./training.js";
import { t } from "./strings.js";

const CALIBRATION_BATCHES = 100;
const UNSTABLE_SHARE = 0.01;
const RECENT_EPOCHS = 3;
const LOW_SCALE = 4;

const sum = (epochs, key) => epochs.reduce((total, epoch) => total + (epoch[key] ?? 0), 0);

/** Overflows of the newest epochs and the batches they are of, calibration left out. */
function recentOverflows(scaled) {
  const recent = scaled.slice(-RECENT_EPOCHS);
  const early = recent.flatMap((epoch) => epoch.events ?? []).filter((event) => event.kind === "overflow" && event.batch < CALIBRATION_BATCHES);
  const before = Math.max(0, Math.min(CALIBRATION_BATCHES, recent[0].first_batch + sum(recent, "batches")) - recent[0].first_batch);
  return { overflows: sum(recent, "overflows") - early.length, batches: sum(recent, "batches") - before };
}

const happened = (epochs, kind) => epochs.some((epoch) => (epoch.events ?? []).some((event) => event.kind === kind));

/** Batches without an overflow at the end of what is known. */
export function cleanBatches(epochs) {
  const overflows = epochs.flatMap((epoch) => (epoch.events ?? []).filter((event) => event.kind === "overflow"));
  const last = epochs.at(-1);
  if (!last) return 0;
  return last.first_batch + last.batches - (overflows.length ? overflows.at(-1).batch + 1 : epochs[0].first_batch);
}

/** { kind, tone, title, text } of a trial's epochs, oldest first. */
export function diagnosis(trial, epochs) {
  const scaled = epochs.filter((epoch) => epoch.scale_last !== null && epoch.scale_last !== undefined);
  if (!scaled.length) return withoutScale(trial, epochs);
  const last = scaled.at(-1);
  const recent = recentOverflows(scaled);
  const rate = recent.overflows / Math.max(1, recent.batches);
  const batches = last.first_batch + last.batches;
  const clean = number(cleanBatches(scaled));
  const facts = { scale: scaleText(last.scale_last), rate: percent(rate), clean, counted: number(recent.batches), batches: number(batches) };
  if (happened(scaled, "floor")) {
    return { kind: "floor", tone: "bad", title: t("Stuck at the floor"), text: t("The gradients leave fp16's range even at a scale of 1, so the trial ended. Lower the learning rate, clip gradients, look for outliers in the data, or use bf16 or fp32.") };
  }
  if (rate > UNSTABLE_SHARE && batches > CALIBRATION_BATCHES) {
    return { kind: "unstable", tone: "bad", title: t("Unstable"), text: t("{rate} % of the last {counted} batches were skipped; up to 1 % is ordinary. The scale is {scale}. Lower the learning rate, clip harder, or use bf16.", facts) };
  }
  if (last.scale_last <= LOW_SCALE) {
    return { kind: "floor", tone: "warn", title: t("Near the floor"), text: t("The scale has fallen to {scale}; at 1 it cannot fall further. Large gradients: lower the learning rate or clip them.", facts) };
  }
  if (happened([last], "above_max")) {
    return { kind: "above_max", tone: "warn", title: t("Above the maximum"), text: t("The scale is {scale}, above GRAD_SCALER_MAX_SCALE. After some epochs in a row it is reset. Harmless while the loss falls; when the loss stands still, the gradients are nearly nothing: normalise the loss.", facts) };
  }
  if (batches <= CALIBRATION_BATCHES) {
    return { kind: "calibration", tone: "info", title: t("Early calibration"), text: t("The first {batches} batches: the scaler looks for the largest scale that the gradients bear, now {scale}. Skipped steps are ordinary here.", facts) };
  }
  return { kind: "healthy", tone: "good", title: t("Healthy"), text: t("The scale is {scale}, {clean} batches without an overflow; {rate} % of the last {counted} batches were skipped.", facts) };
}

function withoutScale(trial, epochs) {
  if (trial.precision && trial.precision !== "fp16") {
    return { kind: "none", tone: "", title: t("No loss scaler"), text: t("{precision} has the range that gradients need; only fp16 is scaled.", { precision: trial.precision }) };
  }
  if (epochs.length) return { kind: "none", tone: "", title: t("No loss scaler"), text: t("This trial ran without one.") };
  const started = trial.init_scale ? t("The scaler begins with {scale}; the first epoch has not ended.", { scale: scaleText(trial.init_scale) }) : t("The first epoch has not ended.");
  return { kind: "waiting", tone: "", title: t("Nothing known yet"), text: started };
}
