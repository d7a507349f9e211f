/* One study: its trials live, their comparison, Optuna's figures, what was asked. */

import { get } from "../api.js";
import { Comparison } from "../comparison.js";
import { atMost, byId, h, setText } from "../dom.js";
import { ago, dateTime, duration, NONE, number } from "../format.js";
import { watchPage } from "../freshness.js";
import { OptunaPlots } from "../optuna_plots.js";
import { t } from "../strings.js";
import { told } from "../told.js";
import { LiveTable } from "../table.js";
import { trainingExports } from "../training_exports.js";
import {
  actionButtons, done, ended, figure, hasScaler, isOpen, mayRunAgain, oneStudyStore, overflowRate, paramsText, percent, progressCell, secondsOf, shortName, showActions, showProgress, showState,
  stateBadge, studyMayRunAgain, trialPage, valueText,
} from "../training.js";
import { setTile, stateBox } from "../ui.js";

const STALE_MS = 30_000;
const SCALES_EVERY_MS = 5_000;
const PLOTS_EVERY_MS = 15_000;
const id = +byId("study").dataset.study;
const store = oneStudyStore(id);
const comparison = new Comparison();
const optuna = new OptunaPlots(id);
let state = "";

const study = () => store.items.get(`study-${id}`);
const trials = () => new Map([...store.items].filter(([key]) => key.startsWith("trial-")));

/* Trials */
const columns = [
  { key: "number", label: t("Trial"), sticky: true, value: (row) => row.number, text: (row) => `#${row.number}`, link: (row) => trialPage(row.id) },
  { key: "state", label: t("State"), value: (row) => row.state, node: stateBadge, change: (cell, row) => showState(cell.firstChild, row) },
  { key: "value", label: t("Value"), title: t("Lowest validation loss"), num: true, value: (row) => row.value, text: (row) => figure(row.value), tone: (row) => (study()?.best?.id === row.id ? "up best" : "") },
  { key: "epochs", label: t("Epochs"), value: (row) => row.epochs_done / Math.max(1, row.epochs_wanted), node: progressCell, change: (cell, row) => showProgress(cell.firstChild, row.epochs_done, row.epochs_wanted) },
  { key: "overflow", label: t("Overflow rate"), unit: "%", title: t("Share of batches whose step was skipped"), num: true, value: overflowRate, text: (row) => percent(overflowRate(row)), tone: (row) => (overflowRate(row) > 0.01 ? "warn" : "") },
  { key: "duration", label: t("Duration"), num: true, value: secondsOf, text: (row) => duration(secondsOf(row)), tone: () => "muted" },
  { key: "params", label: t("Parameters"), value: (row) => paramsText(row.params), text: (row) => paramsText(row.params) || NONE, tone: () => "muted" },
  { key: "host", label: t("Host"), value: (row) => row.host, text: (row) => row.host || NONE, tone: () => "muted" },
  { key: "retry", label: t("Retry of"), num: true, value: (row) => row.retry_of, text: (row) => (row.retry_of === null || row.retry_of === undefined ? NONE : `#${row.retry_of}`), tone: () => "muted" },
  { key: "actions", label: "", node: (row) => actionButtons("trials", row.id, () => store.refresh()), change: (cell, row) => showActions(cell.firstChild, row, mayRunAgain(row) && !retried(row)) },
];

/** Whether a later trial stands in for this one. */
const retried = (row) => [...store.items.values()].some((other) => other.kind === "trial" && other.retry_of === row.number);

const table = new LiveTable(byId("trials-table"), {
  columns, label: t("Trials"), className: "trials-table", sort: { key: "number", down: true }, empty: t("No trial has begun yet"),
});

byId("trials-state").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  state = button.dataset.state;
  for (const other of byId("trials-state").children) other.setAttribute("aria-pressed", String(other === button));
  table.setFilter((row) => !state || row.state === state);
  showNote();
});

function showNote() {
  const age = store.heardAt === null ? null : (Date.now() - store.heardAt) / 1000;
  setText(byId("trials-note"), store.state === "ready" ? `${t("{n} shown", { n: number(table.count ?? 0) })} · ${ago(age)}` : "");
}

/* Head and tiles */
const actions = actionButtons("studies", id, () => store.refresh());
byId("study-actions").append(actions);

function showHead(row) {
  setText(byId("study-name"), row.name);
  const badge = byId("study-state");
  badge.hidden = false;
  showState(badge, row);
  const spec = row.spec ?? {};
  setText(byId("study-what"), [spec.source || (spec.symbols ?? []).join(", "), spec.source ? "" : spec.interval, row.created_by ? t("by {name}", { name: row.created_by }) : "", dateTime(row.created_at).slice(0, 16)].filter(Boolean).join(" · "));
  setText(byId("study-reason"), told(row.reason ?? ""));
  byId("study-reason").hidden = !row.reason;
  showActions(actions, row, studyMayRunAgain(row));
  document.title = `${row.name} · QuantAI`;
}

function showTiles(row) {
  const rows = [...trials().values()].filter(hasScaler);
  const batches = rows.reduce((sum, trial) => sum + (trial.totals?.batches ?? 0), 0);
  const overflows = rows.reduce((sum, trial) => sum + (trial.totals?.overflows ?? 0), 0);
  const scaled = rows.length > 0;
  setTile("progress", `${number(done(row))} / ${number(row.trials_wanted)}`, { note: t("{pruned} pruned · {n} wait", { pruned: number(row.counts?.pruned ?? 0), n: number(isOpen(row) ? row.counts?.waiting ?? 0 : 0) }) });
  setTile("best", figure(row.best?.value), { note: row.best ? t("trial {n}: {params}", { n: row.best.number, params: paramsText(row.best.params) }) : t("no trial has ended well yet") });
  setTile("eta", isOpen(row) ? duration(row.eta_seconds) : "–", { note: isOpen(row) ? t("from the trials so far") : t("ended {at}", { at: dateTime(row.ended_at).slice(0, 16) }) });
  setTile("running", number(row.counts?.running ?? 0), { note: t("at most {n} at a time", { n: number(row.spec?.workers) }) });
  setTile("failed", number(row.counts?.failed ?? 0), { tone: row.counts?.failed ? "critical" : "", note: t("{n} cancelled", { n: number(row.counts?.cancelled ?? 0) }) });
  setTile("overflow", scaled && batches ? percent(overflows / batches) : "–", { unit: scaled && batches ? "%" : "", note: scaled ? t("{n} of {all} batches", { n: number(overflows), all: number(batches) }) : t("no loss scaler") });
}

/* What was asked */
function facts(title, values) {
  const lines = Object.entries(values).filter(([, value]) => value !== null && value !== "" && typeof value !== "object" || Array.isArray(value));
  return h("div", {}, h("h3", {}, title), h("dl", { class: "facts" }, lines.flatMap(([name, value]) => [h("dt", {}, h("code", {}, name)), h("dd", {}, valueText(value))])));
}

function rangeText(range) {
  if (range.choices?.length) return range.choices.map(valueText).join(", ");
  return `${valueText(range.low)} – ${valueText(range.high)}${range.log ? ` · ${t("log")}` : ""}${range.step ? ` · ${t("step")} ${valueText(range.step)}` : ""}`;
}

function showSpec(row) {
  const key = JSON.stringify([row.spec, row.data?.hash]);
  if (!row.spec || byId("study-spec").dataset.key === key) return;
  byId("study-spec").dataset.key = key;
  const { window, model, train, space, start, end, ...rest } = row.spec;
  const { loss, ...training } = train ?? {};
  const period = { ...(start ? { from: dateTime(start) } : {}), ...(end ? { until: dateTime(end) } : {}) };
  byId("study-spec").replaceChildren(
    h("div", {}, h("h3", {}, t("Searched")), h("dl", { class: "facts" }, Object.entries(space ?? {}).flatMap(([name, range]) => [h("dt", {}, h("code", {}, shortName(name))), h("dd", {}, rangeText(range))]))),
    facts(t("Data"), { ...rest, ...period, features: rest.features?.length ? rest.features : t("the usual ones") }), facts(t("Window"), window ?? {}), facts(t("Model"), model ?? {}), facts(t("Training"), training), facts(t("Loss"), loss ?? {}));
  setText(byId("spec-note"), row.data?.hash ? `${t("data")} sha256 ${row.data.hash.slice(0, 12)}…` : "");
}

/* Comparison: epochs come in their trials' topics; the trials tell how many there are. */
let scalesKey = "";
async function loadScales() {
  try {
    const { trials: found } = await get(`/training/studies/${id}/scales`);
    comparison.update(found);
  } catch (error) {
    comparison.showError(error, loadScales);
  }
}
const scalesAgain = atMost(SCALES_EVERY_MS, loadScales);
const plotsAgain = atMost(PLOTS_EVERY_MS, () => optuna.follow(study(), trials().size > 0));
let plotsKey = null;

function follow(row) {
  const rows = [...trials().values()];
  const key = rows.map((trial) => `${trial.id}:${trial.epochs_done}:${trial.state}`).join();
  if (key !== scalesKey || !scalesKey) scalesAgain();
  scalesKey = key || "none";
  const count = `${ended(row)}-${row.counts?.running ?? 0}`;
  if (count !== plotsKey) plotsAgain();
  plotsKey = count;
}

function showMissing() {
  const box = byId("study-missing");
  const missing = store.state === "error";
  box.hidden = !missing;
  for (const section of document.querySelectorAll("#study > section")) section.hidden = missing;
  if (!missing) return;
  box.replaceChildren(store.error.status === 404 ? stateBox("empty", t("There is no such study")) : stateBox("error", t("Could not load"), store.error.message, () => store.refresh()));
}

store.onChange((changed) => {
  showMissing();
  const row = study();
  if (!row) return;
  const rows = trials();
  const gone = [...table.rows.keys()].some((key) => !rows.has(key));
  table.update(rows, table.loaded && changed.size && !gone ? [...changed].filter((key) => rows.has(key)) : null);
  showHead(row);
  showTiles(row);
  showSpec(row);
  follow(row);
  showNote();
});
document.addEventListener("quantai:time", () => store.tell(store.wholeChange()));
trainingExports(byId("export-menu"), id);
watchPage("training", () => store.heardAt, STALE_MS);
setInterval(() => {
  showNote();
  table.update(trials(), [...trials()].filter(([, row]) => isOpen(row)).map(([key]) => key));
}, 1000);
