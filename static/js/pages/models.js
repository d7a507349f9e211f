/* Versions of models: the list, two or more side by side, their files. */

import { get, query } from "../api.js";
import { byId, h, setText } from "../dom.js";
import { ago, dateTime, NONE, number } from "../format.js";
import { watchPage } from "../freshness.js";
import { rows } from "../stores.js";
import { t } from "../strings.js";
import { LiveTable } from "../table.js";
import { figure, trialPage, valueText } from "../training.js";
import { stateBox } from "../ui.js";

const FETCHED = 200;
const STALE_MS = 30_000;
const AGAIN_MS = 15_000;
const KILOBYTE = 1024;
const STAGES = { candidate: ["info", t("candidate")], shadow: ["warn", t("shadow")], active: ["good", t("active")], retired: ["", t("retired")] };
const chosen = new Set((new URLSearchParams(location.search).get("versions") ?? "").split(",").filter(Boolean));

/* A version is made when its trial ends, which the topic tells. */
const store = rows("training", async () => {
  const { models, epoch, seq } = await get(query("/training/models", { limit: FETCHED }));
  return { items: models, epoch, seq };
}, { wants: () => false });

const download = (row) => `/api/v1/training/models/${row.id}/download`;

const kindOf = (row) => row.config?.model?.kind ?? row.config?.kind;

/** The main figure of a version: its validation loss, wherever its metrics keep it. */
export const lossOf = (row) => row.metrics?.validation_loss ?? row.metrics?.value ?? row.metrics?.validation?.loss ?? null;

const trialLink = (row) => (row.trial ? h("a", { href: trialPage(row.trial) }, row.trial_number === null || row.trial_number === undefined ? String(row.trial) : `#${row.trial_number}`) : h("span", { class: "faint" }, NONE));

const columns = [
  { key: "pick", label: "", node: pickBox, change: (cell, row) => { cell.firstChild.firstChild.checked = chosen.has(String(row.id)); } },
  { key: "name", label: t("Version"), sticky: true, value: (row) => row.name, text: (row) => row.name },
  { key: "stage", label: t("Stage"), value: (row) => row.stage, node: () => h("span", { class: "badge" }), change: showStage },
  { key: "kind", label: t("Model"), value: kindOf, text: (row) => kindOf(row) ?? NONE },
  { key: "loss", label: t("Validation loss"), num: true, value: lossOf, text: (row) => figure(lossOf(row)) },
  { key: "trial", label: t("Trial"), value: (row) => row.trial, node: trialLink, change() {} },
  { key: "features", label: t("Features"), num: true, value: (row) => row.features?.length ?? 0, text: (row) => number(row.features?.length ?? 0) },
  { key: "size", label: t("Size"), unit: "kB", num: true, value: (row) => row.size_bytes, text: (row) => number(row.size_bytes / KILOBYTE, row.size_bytes < 10 * KILOBYTE ? 1 : 0) },
  { key: "created", label: t("Created"), value: (row) => row.created_at, text: (row) => dateTime(row.created_at).slice(0, 16), tone: () => "muted" },
  { key: "by", label: t("By"), value: (row) => row.created_by, text: (row) => row.created_by || NONE, tone: () => "muted" },
  { key: "sha", label: "sha256", value: (row) => row.sha256, text: (row) => `${row.sha256.slice(0, 10)}…`, tone: () => "faint mono" },
  { key: "file", label: "", node: (row) => h("a", { class: "button small", href: download(row), download: "" }, t("Download")), change() {} },
];

function pickBox(row) {
  const box = h("input", { type: "checkbox", "aria-label": t("Compare {name}", { name: row.name }), "data-version": String(row.id) });
  box.addEventListener("change", () => {
    if (box.checked) chosen.add(String(row.id));
    else chosen.delete(String(row.id));
    history.replaceState(null, "", `${location.pathname}${chosen.size ? `?versions=${[...chosen].join(",")}` : ""}`);
    showComparison();
  });
  return h("label", { class: "pick" }, box);
}

function showStage(cell, row) {
  const [tone, name] = STAGES[row.stage] ?? ["", row.stage];
  cell.firstChild.dataset.tone = tone;
  setText(cell.firstChild, name);
}

const table = new LiveTable(byId("models-table"), {
  columns, label: t("Model versions"), className: "models-table", sort: { key: "created", down: true }, empty: t("No version yet: every trial that completes becomes one"),
});

byId("models-filter").addEventListener("input", (event) => {
  const text = event.target.value.trim().toLowerCase();
  table.setFilter((row) => `${row.name} ${row.stage} ${kindOf(row) ?? ""}`.toLowerCase().includes(text));
  showNote();
});

/* Side by side */

/** Every plain value of a version under its dotted name. */
export function flat(value, name = "", found = new Map()) {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    for (const [key, each] of Object.entries(value)) flat(each, name ? `${name}.${key}` : key, found);
  } else if (!Array.isArray(value) || value.every((each) => typeof each !== "object")) found.set(name, value);
  return found;
}

const GROUPS = [["metrics", t("Metrics")], ["config", t("Configuration")], ["data", t("Data")], ["rest", t("Version")]];

function valuesOf(row) {
  const { metrics, config, data, features, stage, code_version, size_bytes, created_at } = row;
  return { metrics: flat(metrics), config: flat(config), data: flat({ ...data, features }), rest: flat({ stage, code_version, size_bytes, created: dateTime(created_at) }) };
}

function groupLines([key, title], versions, onlyDiffering) {
  const names = [...new Set(versions.flatMap((each) => [...each[key].keys()]))];
  const lines = names.map((name) => {
    const values = versions.map((each) => each[key].get(name));
    const differ = values.some((value) => JSON.stringify(value) !== JSON.stringify(values[0]));
    if (onlyDiffering && !differ) return null;
    return h("tr", { "data-name": name, class: differ ? "differs" : "" }, h("th", { scope: "row", class: "sticky-cell" }, h("code", {}, name)), values.map((value) => h("td", { class: "words" }, value === undefined ? NONE : valueText(value))));
  }).filter(Boolean);
  return lines.length ? [h("tr", { class: "group-row" }, h("th", { colSpan: versions.length + 1, scope: "colgroup" }, title)), ...lines] : [];
}

function showComparison() {
  const picked = [...store.items.values()].filter((row) => chosen.has(String(row.id)));
  setText(byId("compare-note"), picked.length ? t("{n} chosen", { n: number(picked.length) }) : "");
  if (picked.length < 2) return byId("compare").replaceChildren(stateBox("empty", t("Choose two versions or more"), t("Their metrics, settings and data appear here next to each other.")));
  const versions = picked.map(valuesOf);
  const only = byId("compare-differ").checked;
  const lines = GROUPS.flatMap((group) => groupLines(group, versions, only));
  byId("compare").replaceChildren(lines.length ? h("div", { class: "table-scroll" }, h("table", { class: "table compare-table", "aria-label": t("Side by side") },
    h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "sticky-cell" }, ""), picked.map((row) => h("th", { scope: "col" }, row.name)))), h("tbody", {}, lines))) : stateBox("empty", t("Nothing differs")));
}

function showNote() {
  const age = store.heardAt === null ? null : (Date.now() - store.heardAt) / 1000;
  setText(byId("models-note"), store.state === "ready" ? `${t("{n} shown", { n: number(table.count ?? 0) })} · ${ago(age)}` : "");
}

byId("compare-differ").addEventListener("change", showComparison);
store.onChange(() => {
  if (store.error && !store.items.size) table.showError(store.error, () => store.refresh());
  if (store.state === "ready" || store.items.size) table.update(store.items);
  showComparison();
  showNote();
});
document.addEventListener("quantai:time", () => table.update(store.items));
watchPage("training", () => store.heardAt, STALE_MS);
setInterval(showNote, 1000);
setInterval(() => store.refresh(), AGAIN_MS);
