/* Studies, trials and epochs: their stores, their words and how their numbers read. */

import { get, post, query } from "./api.js";
import { h, setData, setText } from "./dom.js";
import { NONE, number, toMs } from "./format.js";
import { rows } from "./stores.js";
import { t } from "./strings.js";
import { told } from "./told.js";
import { confirmAction, toast } from "./ui.js";

const STUDIES_FETCHED = 200;
const TRIALS_FETCHED = 500;
const EPOCHS_FETCHED = 1_000;
export const HEARTBEAT_LATE_MS = 60_000;
export const STATES = {
  waiting: ["", t("waiting")],
  running: ["info", t("running")],
  complete: ["good", t("complete")],
  pruned: ["warn", t("pruned")],
  failed: ["bad", t("failed")],
  cancelled: ["", t("cancelled")],
};
const OPEN = new Set(["waiting", "running"]);
const AGAIN = new Set(["pruned", "failed", "cancelled"]);
export const mayTrain = document.body.dataset.mayControl === "yes";
export const LOCKED = t("Your role may look, not train.");

export const isOpen = (row) => OPEN.has(row.state);
export const mayRunAgain = (row) => AGAIN.has(row.state) && !row.requeue_asked;
export const studyPage = (id) => document.body.dataset.studyPage.replace("/0/", `/${id}/`);
export const trialPage = (id) => document.body.dataset.trialPage.replace("/0/", `/${id}/`);

/* Numbers */

/** A loss or a parameter: five significant digits, very small and large ones as 1.23e−5. */
export function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(+value)) return NONE;
  if (+value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e7) return (+value).toExponential(3).replace(/\.?0+e/, "e").replace("e+", "e").replaceAll("-", "−");
  const digits = Number.isInteger(+value) ? 0 : Math.max(0, Math.min(8, 4 - Math.floor(Math.log10(size))));
  return number(value, digits).replace("-", "−");
}

/** A loss scale with its power of two: "65,536 (2^16)". */
export function scaleText(value) {
  if (value === null || value === undefined) return NONE;
  const power = Math.log2(value);
  const exact = Math.abs(power - Math.round(power)) < 1e-9;
  return `${number(value, value < 10 && !exact ? 2 : 0)} (2^${number(power, exact ? 0 : 1)})`;
}

export const percent = (share, digits = 2) => number(share === null || share === undefined ? null : share * 100, digits);

/** A parameter's value as text; its name without the section. */
export function valueText(value) {
  if (typeof value === "number") return figure(value).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  return Array.isArray(value) ? value.map(valueText).join(", ") : String(value ?? NONE);
}

export const shortName = (name) => name.slice(name.indexOf(".") + 1);
export const paramsText = (params) => Object.entries(params ?? {}).map(([name, value]) => `${shortName(name)} ${valueText(value)}`).join(" · ");

/** Seconds a row has run or ran, by the clock of this page. */
export function secondsOf(row) {
  const from = toMs(row.started_at);
  if (from === null) return null;
  return ((toMs(row.ended_at) ?? Date.now()) - from) / 1000;
}

/** Share of batches whose step was skipped; null where no scaler runs. */
export const overflowRate = (trial) => (hasScaler(trial) && trial.totals?.batches ? (trial.totals.overflows ?? 0) / trial.totals.batches : null);
export const hasScaler = (trial) => trial.init_scale !== null && trial.init_scale !== undefined;
export const ended = (study) => ["complete", "pruned", "failed", "cancelled"].reduce((sum, state) => sum + (study.counts?.[state] ?? 0), 0);
export const done = (study) => (study.counts?.complete ?? 0) + (study.counts?.pruned ?? 0);

/* Parts of rows */
export const stateBadge = () => h("span", { class: "badge" });

export function showState(badge, row) {
  const [tone, name] = STATES[row.state] ?? ["", row.state];
  const asked = row.cancel_asked && isOpen(row) ? ` · ${t("cancel asked")}` : row.requeue_asked ? ` · ${t("runs again")}` : "";
  setData(badge, "tone", tone);
  setText(badge, name + asked);
  badge.title = told(row.reason ?? "");
}

/** A bar with words: share done of what was wanted. */
export const progressCell = () => h("span", { class: "progress-cell" }, h("span", { class: "progress-bar", "aria-hidden": "true" }, h("i")), h("span"));

export function showProgress(cell, have, want, text = `${number(have)} / ${number(want)}`) {
  const [bar, words] = cell.children;
  bar.firstChild.style.setProperty("--share", String(want ? Math.min(1, have / want) : 0));
  setText(words, text);
}

/* REST and topics */
export const fetchStudies = (values = {}) => get(query("/training/studies", { limit: STUDIES_FETCHED, ...values }));

/** All studies; pushes leave out spec and data. */
export function studyStore(limit = STUDIES_FETCHED) {
  const load = async () => {
    const { studies, epoch, seq } = await fetchStudies({ limit });
    return { items: studies.map((study) => ({ kind: "study", ...study })), epoch, seq };
  };
  return rows("training", load, { keyOf: (item) => String(item.id), wants: (item) => item.kind === "study" });
}

const keyOf = (item) => `${item.kind}-${item.id}`;

/** Every page of a list; the position is the first page's: what came after it is told again. */
async function pages(path, name, limit) {
  const first = await get(query(path, { limit }));
  const items = [...first[name]];
  for (let page = first; page.next_after ?? null; items.push(...page[name])) {
    page = await get(query(path, { limit, after: page.next_after }));
  }
  return { items, epoch: first.epoch, seq: first.seq };
}

/** One study (key "study-ID") and its trials ("trial-ID"). */
export function oneStudyStore(id) {
  const load = async () => {
    const [study, answer] = await Promise.all([
      get(`/training/studies/${id}`), pages(`/training/studies/${id}/trials`, "trials", TRIALS_FETCHED),
    ]);
    const items = [{ ...study, kind: "study" }, ...answer.items.map((trial) => ({ ...trial, kind: "trial" }))];
    return { items, epoch: answer.epoch, seq: earlier(study.seq, answer.seq) };
  };
  return rows("training", load, { keyOf, wants: (item) => (item.kind === "study" ? item.id : item.study) === id });
}

const earlier = (a, b) => Math.min(a ?? b ?? 0, b ?? a ?? 0);

/** One trial (key "trial-ID"). */
export function oneTrialStore(id) {
  const load = async () => {
    const { epoch, seq, ...trial } = await get(`/training/trials/${id}`);
    return { items: [{ ...trial, kind: "trial" }], epoch, seq };
  };
  return rows("training", load, { keyOf, wants: (item) => item.kind === "trial" && item.id === id });
}

/** The epochs of a trial, by number; those of the trial that it goes on from included. */
export function epochStore(id) {
  const load = () => pages(`/training/trials/${id}/epochs`, "epochs", EPOCHS_FETCHED);
  return rows(`trial:${id}`, load, { keyOf: (item) => String(item.epoch) });
}

/* Orders: asked first, answered by a toast. */
const QUESTIONS = {
  "studies/cancel": [t("Cancel this study?"), t("Its running trials stop within seconds and keep what they have; waiting ones are dropped."), t("Cancel the study"), true],
  "studies/requeue": [t("Run this study again?"), t("Its failed and cancelled trials run again, and those that never began."), t("Run again"), false],
  "trials/cancel": [t("Cancel this trial?"), t("It stops within seconds and keeps the epochs it has; the study goes on."), t("Cancel the trial"), true],
  "trials/requeue": [t("Run this trial again?"), t("The same parameters run once more as a new trial."), t("Run again"), false],
};

/** Ask, then send; true when the server took it. `what`: "studies" or "trials". */
export async function order(what, id, action) {
  const [title, text, word, danger] = QUESTIONS[`${what}/${action}`];
  if (!(await confirmAction({ title, text, action: word, danger }))) return false;
  try {
    await post(`/training/${what}/${id}/${action}`);
    toast(action === "cancel" ? t("It is being cancelled") : t("It runs again"), "", "good");
    return true;
  } catch (error) {
    toast(t("That did not work"), error.message, "bad");
    return false;
  }
}

/** Cancel and run-again buttons of a row; `showActions` fits them to its state. */
export function actionButtons(what, id, after = () => {}) {
  const make = (action, text, kind) => {
    const button = h("button", { class: "button small", type: "button", "data-action": action, "data-kind": kind }, text);
    button.addEventListener("click", async () => {
      button.setAttribute("aria-busy", "true");
      if (await order(what, id, action)) after();
      button.removeAttribute("aria-busy");
    });
    return button;
  };
  return h("span", { class: "row-actions" }, make("cancel", t("Cancel"), "danger"), make("requeue", t("Run again"), null));
}

export function showActions(box, row, mayAgain = mayRunAgain(row)) {
  const [cancel, again] = box.children;
  cancel.hidden = !isOpen(row);
  again.hidden = isOpen(row) || !mayAgain;
  cancel.disabled = !mayTrain || Boolean(row.cancel_asked);
  again.disabled = !mayTrain;
  cancel.title = again.title = mayTrain ? "" : LOCKED;
}

/** Whether a study has anything left that could run. */
export const studyMayRunAgain = (study) => ["failed", "cancelled"].includes(study.state) || (study.counts?.failed ?? 0) + (study.counts?.cancelled ?? 0) > 0;
