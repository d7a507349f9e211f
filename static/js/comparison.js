/* Trials side by side: one line per trial over its epochs; the loss scale also with the
   band between its lowest and highest value of each epoch. */

import { byId, h, setText } from "./dom.js";
import { number } from "./format.js";
import { axis, baseLayout, countAxis, faded, log2Axis, Plot, seriesColor, titled } from "./plots.js";
import { t } from "./strings.js";
import { figure, scaleText } from "./training.js";
import { skeletonRows, stateBox } from "./ui.js";

const FIRST_SHOWN = 50;
const BANDS = 12;
/* what → [axis title, values of a trial, text of a value, type of axis] */
const KINDS = {
  scale: [t("loss scale"), (trial) => trial.scale_last, scaleText, "log2"],
  overflow: [t("overflow rate, %"), (trial) => trial.overflows.map((count, at) => (100 * count) / Math.max(1, trial.batches[at])), (value) => `${number(value, 2)} %`, "linear"],
  validation: [t("validation loss"), (trial) => trial.validation_loss, figure, "linear"],
  train: [t("training loss"), (trial) => trial.train_loss, figure, "linear"],
  norm: [t("gradient norm"), (trial) => trial.gradient_norm, figure, "log"],
  rate: [t("learning rate"), (trial) => trial.learning_rate, figure, "log"],
};
const known = (value) => value !== null && value !== undefined;

export class Comparison {
  constructor() {
    this.trials = [];
    this.hidden = null;
    this.what = "scale";
    this.plot = new Plot(byId("compare-plot"), () => this.picture());
    byId("compare-state").replaceChildren(skeletonRows(3));
    byId("compare-what").addEventListener("click", (event) => this.choose(event.target.closest("button")));
    byId("compare-trials").addEventListener("click", (event) => this.press(event.target.closest("button")));
  }

  choose(button) {
    if (!button) return;
    this.what = button.dataset.what;
    for (const other of button.parentNode.children) other.setAttribute("aria-pressed", String(other === button));
    this.show();
  }

  /** Take the trials of `/studies/ID/scales`. */
  update(trials) {
    this.trials = trials.filter((trial) => trial.epoch.length);
    // Until the reader chooses, the first so many are shown, those with the best value first.
    if (this.hidden === null) this.hidden = new Set(byValue(this.trials).slice(FIRST_SHOWN).map((trial) => trial.number));
    this.show();
  }

  showError(error, retry) {
    if (this.trials.length) return;
    byId("compare-state").replaceChildren(stateBox("error", t("Could not load"), error.message, retry));
  }

  press(button) {
    if (!button) return;
    const { trial, choice } = button.dataset;
    if (choice === "all") this.hidden.clear();
    else if (choice === "none") this.hidden = new Set(this.trials.map((each) => each.number));
    else if (choice === "best") this.hidden = new Set(byValue(this.trials).slice(5).map((each) => each.number));
    else if (!this.hidden.delete(+trial)) this.hidden.add(+trial);
    this.show();
  }

  get shown() {
    return this.trials.filter((trial) => !this.hidden?.has(trial.number) && this.valuesOf(trial).some(known));
  }

  valuesOf(trial) {
    return KINDS[this.what][1](trial);
  }

  show() {
    this.showChips();
    const shown = this.shown;
    byId("compare-plot").hidden = !shown.length;
    setText(byId("compare-note"), this.trials.length ? t("{n} of {all} trials", { n: number(shown.length), all: number(this.trials.length) }) : "");
    const none = !this.trials.length ? [t("No epoch yet"), t("The lines appear when the first epoch of a trial ends.")]
      : this.what === "scale" && !this.trials.some((trial) => trial.scale_last.some(known)) ? [t("No loss scaler"), t("Only fp16 is scaled; these trials ran without it.")]
        : [t("No trial is chosen")];
    byId("compare-state").replaceChildren(...(shown.length ? [] : [stateBox("empty", ...none)]));
    if (shown.length) this.plot.draw();
  }

  showChips() {
    const key = this.trials.map((trial) => `${trial.number}${trial.state}${trial.value}`).join();
    const host = byId("compare-trials");
    if (host.dataset.key !== key) {
      host.dataset.key = key;
      const words = [["all", t("All")], ["best", t("Best 5")], ["none", t("None")]].map(([choice, text]) => h("button", { class: "trial-chip", type: "button", "data-choice": choice }, text));
      host.replaceChildren(...(this.trials.length > 1 ? words : []), ...this.trials.map((trial) => h("button", {
        class: "trial-chip", type: "button", "data-trial": String(trial.number), title: `${t("trial {n}", { n: trial.number })} · ${figure(trial.value)}`,
      }, h("i", {}), `#${trial.number}`)));
    }
    for (const chip of host.querySelectorAll("[data-trial]")) {
      const number_ = +chip.dataset.trial;
      chip.setAttribute("aria-pressed", String(!this.hidden?.has(number_)));
      chip.firstChild.style.background = seriesColor(number_);
    }
  }

  picture() {
    const shown = this.shown;
    if (!shown.length) return null;
    const [name, values, text, type] = KINDS[this.what];
    const lines = shown.map((trial) => {
      const y = values(trial);
      return {
        type: "scatter", mode: shown.length > BANDS ? "lines" : "lines+markers", name: `#${trial.number}`, x: trial.epoch, y,
        line: { color: seriesColor(trial.number), width: shown.length > BANDS ? 1.1 : 1.75 }, marker: { size: 4 },
        text: y.map(text), hovertemplate: `${t("trial {n}", { n: trial.number })} · ${t("epoch")} %{x}<br>%{text}<extra></extra>`,
      };
    });
    const bands = this.what === "scale" ? shown.map((trial) => band(trial, shown.length > BANDS ? 0.06 : 0.16)) : [];
    const seen = this.what === "scale" ? shown.flatMap((trial) => [...trial.scale_min, ...trial.scale_max]).filter((value) => value > 0) : [];
    const low = seen.reduce((a, b) => Math.min(a, b), Infinity);
    const high = seen.reduce((a, b) => Math.max(a, b), 0);
    const yaxis = type === "log2" ? log2Axis(low, high, { title: titled(name) })
      : axis({ title: titled(name), type, ...(type === "log" ? { dtick: 1, exponentformat: "power" } : {}), ...(this.what === "overflow" ? { rangemode: "tozero" } : {}) });
    return { traces: [...bands, ...lines], layout: baseLayout({
      uirevision: `${this.what}${shown.length}`, xaxis: countAxis(Math.max(...shown.map((trial) => trial.epoch.at(-1))), { title: titled(t("epoch")) }), yaxis,
    }) };
  }
}

/** The area between an epoch's lowest and highest scale, as one closed line. */
function band(trial, share) {
  const color = faded(seriesColor(trial.number), share);
  return {
    type: "scatter", mode: "lines", x: [...trial.epoch, ...[...trial.epoch].reverse()], y: [...trial.scale_max, ...[...trial.scale_min].reverse()],
    fill: "toself", fillcolor: color, line: { width: 0 }, hoverinfo: "skip", showlegend: false,
  };
}

const byValue = (trials) => [...trials].sort((a, b) => (a.value ?? Infinity) - (b.value ?? Infinity) || a.number - b.number);
