/* The form of a new study: what it says, its preview, and the server's word at each field. */

import { get, post } from "./api.js";
import { byId, h, setText } from "./dom.js";
import { dateTime, number } from "./format.js";
import { SpaceEditor } from "./space_editor.js";
import { t } from "./strings.js";
import { fieldName, told } from "./told.js";
import { figure, LOCKED, mayTrain, studyPage } from "./training.js";
import { stateBox, toast } from "./ui.js";

const PREVIEW_MS = 60_000;
const SEARCHED_FIRST = ["train.learning_rate", "model.dropout"];
const DAY_MS = 86_400_000;
const WHOLE = { trials: 1, workers: 1, seed: 0, max_retry: 0 };
/* Fields of the spec that the preview depends on. */
const DATA = ["symbols", "interval", "start", "end", "source", "features", "target", "window", "train_share", "validation_share"];
const form = byId("study-form");
const box = byId("study-preview");
const create = byId("study-create");
let options = null;
let space = null;
let previewed = "";
let refused = true;

const control = (name) => form.elements[name];
const text = (name) => control(name).value.trim();

/** A number as the field says it; what is none goes to the server, which refuses it. */
function numeric(name) {
  const value = text(name);
  return value === "" || !Number.isFinite(Number(value)) ? value : Number(value);
}

const dayOf = (name, after = 0) => (text(name) ? Date.parse(`${text(name)}T00:00:00Z`) + after : null);

function put(target, path, value) {
  const keys = path.split(".");
  const last = keys.pop();
  keys.reduce((at, key) => (at[key] ??= {}), target)[last] = value;
}

/** What the form says, as a StudySpec. */
function spec() {
  const made = {
    symbols: text("symbols").toUpperCase().split(/[\s,;]+/).filter(Boolean),
    interval: text("interval"), start: dayOf("start"), end: dayOf("end", DAY_MS), source: text("source"),
    features: [...form.querySelectorAll("[name=features]:checked")].map((input) => input.value),
    target: text("target"), pruner: text("pruner"), sampler: text("sampler"),
    train_share: numeric("train_share"), validation_share: numeric("validation_share"),
  };
  for (const name of Object.keys(WHOLE)) made[name] = numeric(name);
  for (const name of ["window.label_len", "window.pred_len", "train.epochs", "train.patience", "train.warmup_steps"]) put(made, name, numeric(name));
  put(made, "train.device", text("train.device"));
  put(made, "train.amp_on_cpu", control("train.amp_on_cpu").checked);
  put(made, "train.seed", made.seed);
  const { fixed, space: searched } = space.values();
  for (const [path, value] of Object.entries(fixed)) put(made, path, value);
  made.space = searched;
  return made;
}

/** What the data depends on, as text; a preview holds for the same text. */
function dataKey(made) {
  const searched = Object.entries(made.space).filter(([name]) => name.startsWith("window.") || name === "loss.kind");
  return JSON.stringify([DATA.map((name) => made[name]), made.train.loss.kind, searched]);
}

/* Errors at their fields */
function fieldFor(name) {
  const parts = name.replace(/^(body|payload|wish|data)\./, "").replace(/^spec\.(?=.)/, "").split(".");
  for (; parts.length; parts.pop()) {
    const found = form.querySelector(`[data-field~="${CSS.escape(parts.join("."))}"]`);
    if (found) return found;
  }
  return null;
}

function clearErrors() {
  for (const line of form.querySelectorAll(".field-error")) line.hidden = true;
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  byId("study-error").hidden = true;
}

function showError(error) {
  const left = [];
  let first = null;
  for (const detail of error.details ?? []) {
    const field = fieldFor(String(detail.field));
    const line = field?.querySelector(".field-error");
    if (!line) {
      left.push(`${fieldName(detail.field)}: ${detail.rule}`);
      continue;
    }
    setText(line, detail.rule);
    line.hidden = false;
    const group = field.closest("details");
    if (group) group.open = true;
    const input = [...field.querySelectorAll("input, select")].find((each) => each.offsetParent) ?? field;
    input.setAttribute("aria-invalid", "true");
    first ??= input;
  }
  if (!error.details?.length) left.push(error.message);
  if (left.length) {
    setText(byId("study-error"), left.join("; "));
    byId("study-error").hidden = false;
    first ??= byId("study-error");
  }
  first?.scrollIntoView({ block: "center" });
  first?.focus?.({ preventScroll: true });
}

/* Preview */
const fact = (name, value) => [h("dt", {}, name), h("dd", {}, value)];

function symbolLine(row) {
  const problems = row.problems ?? [];
  const words = [...problems, ...(row.notes ?? [])];
  return h("tr", { "data-symbol": row.symbol },
    h("td", { class: "sticky-cell" }, h("b", {}, row.symbol)), h("td", { class: "num" }, number(row.bars)),
    h("td", {}, dateTime(row.first).slice(0, 16)), h("td", {}, dateTime(row.last).slice(0, 16)),
    h("td", { class: `num ${row.missing ? "warn" : ""}` }, row.missing ? t("{n} in {gaps} gaps", { n: number(row.missing), gaps: number(row.gaps) }) : "0"),
    h("td", { class: "num" }, number(row.usable)),
    h("td", { class: problems.length ? "critical words" : "muted words" }, words.length ? words.map((line) => h("p", {}, told(line))) : t("none found")));
}

function windowLine(windows) {
  const names = { train: t("training"), validation: t("validation"), test: t("test") };
  const all = Object.values(windows).reduce((sum, count) => sum + count, 0);
  const parts = Object.entries(names).map(([key, name]) => {
    const bar = h("i", { "data-split": key });
    bar.style.flex = String(windows[key] || 0.001);
    return [bar, h("span", {}, h("i", { "data-split": key }), `${name} ${number(windows[key])}`)];
  });
  return h("div", { class: "split-box" }, h("h3", {}, t("{n} windows", { n: number(all) })),
    h("div", { class: "mix split", "aria-hidden": "true" }, parts.map(([bar]) => bar)), h("div", { class: "legend" }, parts.map(([, name]) => name)));
}

function showPreview(found) {
  const heads = [[t("Symbol"), "sticky-cell"], [t("Bars"), "num"], [t("From")], [t("To")], [t("Missing"), "num"], [t("Usable"), "num"], [t("Problems and notes")]];
  const target = found.target ?? {};
  box.replaceChildren(
    h("p", { class: "preview-word", "data-tone": found.refused ? "bad" : "good", role: "status", id: "preview-word" },
      found.refused ? t("This data is refused: a study cannot start with it.") : t("This data is good: the study can be created.")),
    found.problems?.length ? h("ul", { class: "preview-problems" }, found.problems.map((line) => h("li", {}, told(line)))) : "",
    h("div", { class: "table-scroll" }, h("table", { class: "table preview-table", "aria-label": t("Data per symbol") },
      h("thead", {}, h("tr", {}, heads.map(([name, kind]) => h("th", { scope: "col", class: kind ?? "" }, name)))),
      h("tbody", {}, found.symbols.map(symbolLine)))),
    h("div", { class: "preview-facts" }, windowLine(found.windows),
      h("div", {}, h("h3", {}, t("Target {name}", { name: target.name ?? "" })), h("dl", { class: "facts" },
        fact(t("mean"), figure(target.mean)), fact(t("standard deviation"), figure(target.deviation)),
        fact(t("smallest"), figure(target.minimum)), fact(t("largest"), figure(target.maximum)))),
      h("div", {}, h("h3", {}, t("{n} columns", { n: number(found.columns?.length) })), h("p", { class: "muted" }, (found.columns ?? []).join(", ")),
        h("p", { class: "faint mono hash" }, found.hash ? `sha256 ${found.hash.slice(0, 16)}…` : ""))));
}

function judge() {
  const same = previewed === dataKey(spec());
  create.disabled = !mayTrain || refused || !same;
  const why = !mayTrain ? LOCKED : !previewed ? t("Look at the data first.") : !same ? t("The data has changed: look at it again.") : refused ? t("This data is refused.") : "";
  setText(byId("create-why"), why);
  box.classList.toggle("is-doubted", Boolean(previewed) && !same);
}

async function preview() {
  const button = byId("study-preview-button");
  const wanted = spec();
  clearErrors();
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  try {
    const found = await post("/training/studies/preview", { body: { name: text("name"), spec: wanted }, timeout: PREVIEW_MS });
    previewed = dataKey(wanted);
    refused = Boolean(found.refused);
    showPreview(found);
    box.scrollIntoView({ block: "nearest" });
  } catch (error) {
    previewed = "";
    box.replaceChildren();
    showError(error);
  }
  button.disabled = false;
  button.removeAttribute("aria-busy");
  judge();
}

async function send(event) {
  event.preventDefault();
  if (create.disabled) return;
  clearErrors();
  create.disabled = true;
  create.setAttribute("aria-busy", "true");
  try {
    const study = await post("/training/studies", { body: { name: text("name"), spec: spec() }, timeout: PREVIEW_MS });
    toast(t("The study is created"), study.name ?? "", "good");
    location.assign(studyPage(study.id));
  } catch (error) {
    showError(error);
  }
  create.removeAttribute("aria-busy");
  judge();
}

/* Building */
function featureChoices() {
  const chosen = new Set(options.spec?.features?.length ? options.spec.features : options.default_features ?? []);
  const list = options.features.map((each) => (typeof each === "string" ? { name: each } : each));
  byId("feature-choices").replaceChildren(...list.map((each) => h("label", { class: "row", title: told(each.text ?? each.description ?? "") },
    h("input", { type: "checkbox", name: "features", value: each.name, checked: chosen.has(each.name) }), each.name)));
}

function fill() {
  const first = options.spec ?? options.defaults ?? {};
  control("interval").replaceChildren(...options.intervals.map((name) => h("option", { selected: name === first.interval }, name)));
  byId("symbol-list").replaceChildren(...(options.symbols ?? []).map((name) => h("option", { value: name })));
  byId("source-list").replaceChildren(...(options.sources ?? []).map((name) => h("option", { value: name })));
  control("symbols").value = (first.symbols ?? []).join(", ");
  for (const name of ["trials", "workers", "seed", "max_retry", "pruner", "sampler", "target", "train_share", "validation_share"]) {
    if (first[name] !== undefined) control(name).value = String(first[name]);
  }
  for (const name of ["label_len", "pred_len"]) control(`window.${name}`).value = String(first.window?.[name] ?? "");
  for (const name of ["epochs", "patience", "warmup_steps", "device"]) control(`train.${name}`).value = String(first.train?.[name] ?? "");
  featureChoices();
  space = new SpaceEditor(byId("study-space"), first, SEARCHED_FIRST);
}

async function open() {
  byId("new-study").hidden = false;
  byId("new-study-button").setAttribute("aria-expanded", "true");
  if (!options) {
    try {
      options = await get("/training/options");
    } catch (error) {
      byId("study-loading").replaceChildren(stateBox("error", t("Could not load"), error.message, open));
      return;
    }
    fill();
    byId("study-loading").hidden = true;
    form.hidden = false;
    judge();
  }
  byId("new-study").scrollIntoView({ block: "start" });
  control("name").focus({ preventScroll: true });
}

function close() {
  byId("new-study").hidden = true;
  byId("new-study-button").setAttribute("aria-expanded", "false");
  byId("new-study-button").focus();
}

export function studyForm() {
  byId("new-study-button").disabled = !mayTrain;
  byId("new-study-button").title = mayTrain ? "" : LOCKED;
  byId("new-study-button").addEventListener("click", () => (byId("new-study").hidden ? open() : close()));
  byId("study-close").addEventListener("click", close);
  byId("study-preview-button").addEventListener("click", preview);
  byId("features-all").addEventListener("click", () => mark(true));
  byId("features-none").addEventListener("click", () => mark(false));
  form.addEventListener("submit", send);
  form.addEventListener("input", judge);
  if (location.hash === "#new" && mayTrain) open();
}

function mark(checked) {
  for (const input of form.querySelectorAll("[name=features]")) input.checked = checked;
  judge();
}
