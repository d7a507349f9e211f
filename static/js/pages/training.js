/* Training: the studies, live, and the form of a new one. */

import { atMost, byId, h, setText } from "../dom.js";
import { ago, dateTime, duration, number } from "../format.js";
import { watchPage } from "../freshness.js";
import { t } from "../strings.js";
import { studyForm } from "../study_form.js";
import { LiveTable } from "../table.js";
import { trainingExports } from "../training_exports.js";
import {
  actionButtons, done, ended, figure, isOpen, paramsText, progressCell, showActions, showProgress, showState, stateBadge, studyMayRunAgain, studyPage, studyStore,
} from "../training.js";
import { setTile } from "../ui.js";

const STALE_MS = 30_000;
const store = studyStore();
const address = new URLSearchParams(location.search);
const states = byId("studies-state");
const offered = [...states.children].map((button) => button.dataset.state);
let state = offered.includes(address.get("state")) ? address.get("state") : "";

const columns = [
  { key: "name", label: t("Study"), sticky: true, value: (row) => row.name, text: (row) => row.name, link: (row) => studyPage(row.id) },
  { key: "state", label: t("State"), value: (row) => row.state, node: stateBadge, change: (cell, row) => showState(cell.firstChild, row) },
  { key: "progress", label: t("Trials"), title: t("Complete and pruned trials, of those wanted"), value: (row) => done(row) / Math.max(1, row.trials_wanted), node: progressCell, change: (cell, row) => showProgress(cell.firstChild, done(row), row.trials_wanted) },
  { key: "running", label: t("Running"), num: true, value: (row) => row.counts?.running ?? 0, text: (row) => number(row.counts?.running ?? 0), tone: (row) => (row.counts?.running ? "" : "faint") },
  { key: "failed", label: t("Failed"), num: true, value: (row) => row.counts?.failed ?? 0, text: (row) => number(row.counts?.failed ?? 0), tone: (row) => (row.counts?.failed ? "critical" : "faint") },
  { key: "best", label: t("Best value"), title: t("Lowest validation loss of a trial"), num: true, value: (row) => row.best?.value ?? null, node: () => h("span"), change: showBest },
  { key: "eta", label: t("Time left"), num: true, value: (row) => row.eta_seconds, text: (row) => (isOpen(row) ? duration(row.eta_seconds) : "–"), tone: (row) => (isOpen(row) ? "" : "faint") },
  { key: "created", label: t("Created"), value: (row) => row.created_at, text: (row) => dateTime(row.created_at).slice(0, 16), tone: () => "muted" },
  { key: "took", label: t("Took"), num: true, value: took, text: (row) => duration(took(row)), tone: () => "muted" },
  { key: "by", label: t("By"), value: (row) => row.created_by, text: (row) => row.created_by || "–", tone: () => "muted" },
  { key: "actions", label: "", node: (row) => actionButtons("studies", row.id, () => store.refresh()), change: (cell, row) => showActions(cell.firstChild, row, studyMayRunAgain(row)) },
];

function took(row) {
  return row.started_at ? ((row.ended_at ?? Date.now()) - row.started_at) / 1000 : null;
}

function showBest(cell, row) {
  setText(cell.firstChild, figure(row.best?.value));
  cell.title = row.best ? t("trial {n}: {params}", { n: row.best.number, params: paramsText(row.best.params) }) : "";
}

const EMPTY = t("No study yet: “New study” makes the first one");
const table = new LiveTable(byId("studies-table"), {
  columns, label: t("Studies"), className: "studies-table", sort: { key: "created", down: true }, empty: EMPTY,
});

function applyFilter() {
  const text = byId("studies-filter").value.trim().toLowerCase();
  for (const button of states.children) button.setAttribute("aria-pressed", String(button.dataset.state === state));
  table.setFilter((row) => (!state || row.state === state) && row.name.toLowerCase().includes(text));
  showNote();
}

function showNote() {
  const age = store.heardAt === null ? null : (Date.now() - store.heardAt) / 1000;
  setText(byId("studies-note"), store.state === "ready" ? `${t("{n} shown", { n: number(table.count ?? 0) })} · ${ago(age)}` : "");
}

function showTiles() {
  if (store.state !== "ready") return;
  const all = [...store.items.values()];
  const sum = (read) => number(all.reduce((total, row) => total + (read(row) ?? 0), 0));
  setTile("studies", number(all.filter((row) => row.state === "running").length), { note: t("{n} wait", { n: number(all.filter((row) => row.state === "waiting").length) }) });
  setTile("running", sum((row) => row.counts?.running), { note: t("each a process of its own") });
  setTile("waiting", sum((row) => (isOpen(row) ? row.counts?.waiting : 0)), { note: t("of running and waiting studies") });
  setTile("ended", sum(ended), { note: t("{n} failed", { n: sum((row) => row.counts?.failed) }) });
}

states.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  state = button.dataset.state;
  history.replaceState(null, "", `${location.pathname}${state ? `?state=${state}` : ""}${location.hash}`);
  applyFilter();
});
byId("studies-filter").addEventListener("input", applyFilter);

/** Older than what a store fetches; only a study that is told anew can be missing. */
const again = atMost(5_000, () => store.refresh());

store.onChange((changed) => {
  if (store.error && !store.items.size) table.showError(store.error, () => store.refresh());
  if (store.state === "ready" || store.items.size) table.update(store.items, table.loaded && changed.size ? [...changed] : null);
  if ([...store.items.values()].some((row) => row.name === undefined)) again();
  applyFilter();
  showTiles();
});
document.addEventListener("quantai:time", () => table.update(store.items));
trainingExports(byId("export-menu"));
studyForm();
applyFilter();
watchPage("training", () => store.heardAt, STALE_MS);
setInterval(() => {
  showNote();
  table.update(store.items, [...store.items.values()].filter(isOpen).map((row) => String(row.id)));
}, 1000);
