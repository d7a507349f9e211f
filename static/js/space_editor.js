/* What a study holds fixed and what it searches: one row per parameter.

   values() → { fixed: { "model.d_model": 64 … }, space: { "train.learning_rate": {…} } } */

import { h } from "./dom.js";
import { t } from "./strings.js";
import { shortName, valueText } from "./training.js";

const MODES = [["fixed", t("fixed")], ["range", t("range")], ["choices", t("choices")]];
/* name, words, kind: whole, real, switch or a list of words; then proposals for a search. */
const GROUPS = [
  [t("Window"), [
    ["window.seq_len", t("bars seen"), "whole", { choices: "48, 96, 192" }],
  ]],
  [t("Model"), [
    ["model.kind", t("model"), ["informer", "transformer", "dlinear", "ridge", "persistence"]],
    ["model.variant", t("variant"), ["residual", "plain"]],
    ["model.attention", t("attention"), ["full", "probsparse"]],
    ["model.d_model", t("width"), "whole", { low: 16, high: 128, step: 16, choices: "32, 64, 128" }],
    ["model.n_heads", t("heads"), "whole", { low: 2, high: 4, step: 2, choices: "2, 4, 8" }],
    ["model.encoder_layers", t("encoder layers"), "whole", { low: 1, high: 3, choices: "1, 2, 3" }],
    ["model.decoder_layers", t("decoder layers"), "whole", { low: 1, high: 2, choices: "1, 2" }],
    ["model.d_ff", t("feed-forward width"), "whole", { low: 64, high: 512, log: true, choices: "128, 256, 512" }],
    ["model.dropout", t("dropout"), "real", { low: 0, high: 0.3, choices: "0, 0.05, 0.1" }],
    ["model.factor", t("sampling factor"), "whole", { low: 3, high: 7, choices: "3, 5" }],
    ["model.distil", t("distilling"), "switch"],
  ]],
  [t("Training"), [
    ["train.batch_size", t("batch size"), "whole", { low: 16, high: 256, log: true, choices: "32, 64, 128" }],
    ["train.learning_rate", t("learning rate"), "real", { low: 0.0001, high: 0.01, log: true, choices: "0.0003, 0.001, 0.003" }],
    ["train.weight_decay", t("weight decay"), "real", { low: 0.000001, high: 0.01, log: true, choices: "0, 0.0001" }],
    ["train.schedule", t("schedule"), ["constant", "cosine", "halving"]],
    ["train.clip_norm", t("clip at norm"), "real", { low: 0.1, high: 5, log: true, choices: "0.5, 1, 5" }],
    ["train.precision", t("precision"), ["fp32", "fp16", "bf16"]],
  ]],
  [t("Loss"), [
    ["loss.kind", t("loss"), ["mse", "mae", "huber", "madl", "gmadl", "gmadl_normalised", "multitask"], { without: "multitask" }],
    ["loss.a", "GMADL a", "real", { low: 10, high: 10000, log: true, choices: "100, 1000" }],
    ["loss.b", "GMADL b", "real", { low: 1, high: 3, choices: "1, 2" }],
    ["loss.delta", "Huber δ", "real", { low: 0.1, high: 2, choices: "0.5, 1" }],
  ], t("Values of different losses say nothing of each other: trials of a search among them are compared by direction (MADL), with the close as the target by squared error.")],
];

/** Where a parameter's fixed value lies in the spec. */
export const placeOf = (name) => (name.startsWith("loss.") ? `train.${name}` : name);
const lookUp = (spec, path) => path.split(".").reduce((value, key) => value?.[key], spec);

function numeric(text) {
  const value = Number(String(text).trim());
  // What is no number goes to the server as it is, which says so at its field.
  return String(text).trim() === "" ? null : Number.isFinite(value) ? value : String(text);
}

class Parameter {
  constructor([name, words, kind, offers = {}], initial) {
    this.name = name;
    this.kind = kind;
    this.options = Array.isArray(kind) ? kind : kind === "switch" ? [true, false] : null;
    const label = `${words} (${shortName(name)})`;
    const modes = this.options ? MODES.filter(([mode]) => mode !== "range") : MODES;
    this.mode = h("select", { class: "input", "aria-label": t("How {name} is chosen", { name: label }), "data-mode": name }, modes.map(([mode, text]) => h("option", { value: mode }, text)));
    this.parts = { fixed: this.fixedPart(initial, label), range: this.rangePart(offers, label), choices: this.choicesPart(offers, label) };
    this.error = h("p", { class: "field-error", hidden: true });
    this.line = h("div", { class: "space-line", "data-field": `${placeOf(name)} space.${name}`, role: "group", "aria-label": label },
      h("span", { class: "space-name" }, words, h("code", {}, shortName(name))), this.mode, h("div", { class: "space-values" }, Object.values(this.parts)), this.error);
    this.mode.addEventListener("change", () => this.show());
    this.show();
  }

  show() {
    for (const [mode, part] of Object.entries(this.parts)) if (part) part.hidden = mode !== this.mode.value;
    this.line.dataset.searched = String(this.mode.value !== "fixed");
  }

  input(label, value, more = {}) {
    return h("input", { class: "input", type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", "aria-label": label, value: value === undefined || value === null ? "" : String(value), ...more });
  }

  fixedPart(initial, label) {
    if (!this.options) return h("span", { class: "space-part" }, (this.fixed = this.input(label, initial, { "data-param": this.name })));
    this.fixed = h("select", { class: "input", "aria-label": label, "data-param": this.name }, this.options.map((value) => h("option", { value: String(value), selected: value === initial }, valueText(value))));
    return h("span", { class: "space-part" }, this.fixed);
  }

  rangePart(offers, label) {
    if (this.options) return null;
    this.low = this.input(t("{name}, lowest", { name: label }), offers.low, { "data-low": this.name });
    this.high = this.input(t("{name}, highest", { name: label }), offers.high, { "data-high": this.name });
    this.step = this.input(t("{name}, step", { name: label }), offers.step, { placeholder: t("step"), class: "input space-step", "data-step": this.name });
    this.log = h("input", { type: "checkbox", checked: Boolean(offers.log), "data-log": this.name });
    const logChanged = () => { this.step.disabled = this.log.checked; };
    this.log.addEventListener("change", logChanged);
    logChanged();
    return h("span", { class: "space-part" }, this.low, h("span", { class: "faint" }, t("to")), this.high, h("label", { class: "row muted" }, this.log, t("log")), this.step);
  }

  choicesPart(offers, label) {
    if (!this.options) {
      this.list = this.input(t("{name}, choices, separated by commas", { name: label }), offers.choices, { class: "input wide", inputmode: "text", "data-choices": this.name });
      return h("span", { class: "space-part" }, this.list);
    }
    this.boxes = this.options.map((value) => h("input", { type: "checkbox", checked: value !== offers.without, "data-choice": String(value) }));
    return h("span", { class: "space-part" }, this.options.map((value, index) => h("label", { class: "row" }, this.boxes[index], valueText(value))));
  }

  get value() {
    if (this.kind === "switch") return this.fixed.value === "true";
    return this.options ? this.fixed.value : numeric(this.fixed.value);
  }

  /** The range of the search, or null where the value is fixed. */
  get searched() {
    if (this.mode.value === "fixed") return null;
    if (this.mode.value === "range") {
      const step = this.log.checked ? null : numeric(this.step.value);
      return { low: numeric(this.low.value), high: numeric(this.high.value), log: this.log.checked, ...(step === null ? {} : { step }) };
    }
    if (this.options) return { choices: this.options.filter((_, index) => this.boxes[index].checked) };
    return { choices: this.list.value.split(",").map((text) => numeric(text)).filter((value) => value !== null) };
  }
}

export class SpaceEditor {
  /** `spec`: where the values begin; `searched`: name → range offered from the start. */
  constructor(host, spec, searched = []) {
    this.parameters = [];
    host.replaceChildren(...GROUPS.map(([title, list, hint]) => {
      const made = list.map((each) => new Parameter(each, lookUp(spec, placeOf(each[0]))));
      this.parameters.push(...made);
      return h("fieldset", { class: "space-group" }, h("legend", {}, title), made.map((each) => each.line), hint ? h("p", { class: "hint" }, hint) : "");
    }));
    for (const each of this.parameters) {
      if (!searched.includes(each.name)) continue;
      each.mode.value = each.options ? "choices" : "range";
      each.show();
    }
  }

  values() {
    const fixed = Object.fromEntries(this.parameters.map((each) => [placeOf(each.name), each.value]));
    const space = Object.fromEntries(this.parameters.map((each) => [each.name, each.searched]).filter(([, range]) => range));
    return { fixed, space };
  }
}
