/* One trial, live: its epochs, what the loss scale did, where it runs. */

import { byId, h, setData, setText } from "../dom.js";
import { Evaluation } from "../evaluation.js";
import { ago, dateTime, duration, NONE, number, toMs } from "../format.js";
import { watchPage } from "../freshness.js";
import { axis, baseLayout, countAxis, Plot, titled } from "../plots.js";
import { eventsOf, KINDS, MarkList, runsOf, ScaleChart } from "../scale_chart.js";
import { diagnosis } from "../scale_health.js";
import { t } from "../strings.js";
import { token } from "../theme.js";
import { told } from "../told.js";
import { trainingExports } from "../training_exports.js";
import {
  actionButtons, epochStore, figure, HEARTBEAT_LATE_MS, isOpen, oneTrialStore, percent, scaleText, secondsOf, shortName, showActions, showState, studyPage, valueText,
} from "../training.js";
import { serverNow } from "../socket.js";
import { setTile, skeletonRows, staleTiles, stateBox } from "../ui.js";

const STALE_MS = 30_000;
const ASK_MS = 10_000;
const MEGABYTE = 1024 ** 2;
const id = +byId("trial").dataset.trial;
const store = oneTrialStore(id);
const epochStore_ = epochStore(id);
const trial = () => store.items.get(`trial-${id}`);
const epochs = () => [...epochStore_.items.values()].sort((a, b) => a.epoch - b.epoch);

/* Charts over epochs */
const column = (key) => (list) => list.map((epoch) => epoch[key]);

function line(list, values, name, color, more = {}) {
  const y = values(list);
  return {
    type: "scatter", mode: list.length > 60 ? "lines" : "lines+markers", name, x: list.map((epoch) => epoch.epoch), y, line: { color: token(color), width: 1.75 }, marker: { size: 5, color: token(color) },
    text: y.map(figure), hovertemplate: `${name} · ${t("epoch")} %{x}<br>%{text}<extra></extra>`, ...more,
  };
}

function chart(host, traces, yaxis) {
  return new Plot(byId(host), () => {
    const list = epochs();
    if (!list.length) return null;
    const shown = traces(list);
    return { traces: shown, layout: baseLayout({ showlegend: shown.length > 1, xaxis: countAxis(list.at(-1).epoch, { title: titled(t("epoch")) }), yaxis: axis(yaxis()) }) };
  });
}

const best = (list) => list.filter((epoch) => epoch.improved).at(-1);
const plots = [
  chart("loss-plot", (list) => {
    const mark = best(list);
    return [
      line(list, column("train_loss"), t("training"), "series-2"), line(list, column("validation_loss"), t("validation"), "series-1"),
      ...(mark ? [{ type: "scatter", mode: "markers", name: t("best"), x: [mark.epoch], y: [mark.validation_loss], marker: { symbol: "circle-open", size: 12, line: { width: 2 }, color: token("up") }, text: [figure(mark.validation_loss)], hovertemplate: `${t("best")} · ${t("epoch")} %{x}<br>%{text}<extra></extra>` }] : []),
    ];
  }, () => ({ title: titled(t("loss, mean per sample")) })),
  chart("norm-plot", (list) => [line(list, column("gradient_norm"), t("mean"), "series-1"), line(list, column("gradient_norm_max"), t("largest"), "series-3")], () => ({ title: titled(t("norm, before clipping")), rangemode: "tozero" })),
  chart("rate-plot", (list) => [line(list, column("learning_rate"), t("learning rate"), "series-1")], () => ({ title: titled(t("learning rate")), rangemode: "tozero", exponentformat: "power" })),
];
const overflowPlot = chart("overflow-plot", (list) => {
  const rates = list.map((epoch) => (100 * epoch.overflows) / Math.max(1, epoch.batches));
  const text = list.map((epoch, at) => `${number(rates[at], 2)} % · ${t("{n} of {all} batches", { n: number(epoch.overflows), all: number(epoch.batches) })}`);
  return [{ type: "bar", x: list.map((epoch) => epoch.epoch), y: rates, marker: { color: rates.map((rate) => token(rate > 1 ? "warn" : "series-1")), line: { width: 0 } }, text, textposition: "none", hovertemplate: `${t("epoch")} %{x}<br>%{text}<extra></extra>` }];
}, () => ({ title: titled(t("batches skipped, %")), rangemode: "tozero" }));

/* The scale */
const scale = new ScaleChart(byId("scale-plot"), epochs, (event) => marks.show(event));
const marks = new MarkList(byId("marks"), byId("marks-note"), (event) => scale.point(event));
byId("marks-kind").append(...[["", t("All")], ...Object.entries(KINDS).map(([kind, [name]]) => [kind, name])].map(([kind, name]) => h("button", { type: "button", "data-kind": kind, "aria-pressed": String(kind === "") }, name)));
byId("marks-kind").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  for (const other of byId("marks-kind").children) other.setAttribute("aria-pressed", String(other === button));
  marks.pick(button.dataset.kind);
});

function showScale(row, list) {
  const scaled = runsOf(list).length > 0;
  byId("scale-plot").hidden = !scaled;
  const none = !list.length ? stateBox("empty", t("No epoch yet"), t("The scale of every batch comes when an epoch ends."))
    : stateBox("empty", t("No loss scaler"), diagnosis(row, list).text);
  byId("scale-state").replaceChildren(...(scaled ? [] : [none]));
  byId("overflow-plot").hidden = !scaled;
  byId("overflow-state").replaceChildren(...(scaled ? [] : [stateBox("empty", list.length ? t("No loss scaler") : t("No epoch yet"))]));
  for (const element of [byId("marks"), byId("marks-kind").parentNode]) element.hidden = !scaled;
  const last = list.at(-1);
  setText(byId("scale-note"), scaled ? t("{n} batches in {runs} runs of equal scale", { n: number(last.first_batch + last.batches), runs: number(runsOf(list).length) }) : "");
  if (!scaled) return;
  marks.update(eventsOf(list), scaled);
  scale.draw();
  overflowPlot.draw();
}

/* Head, tiles, facts */
const evaluation = new Evaluation();
const actions = actionButtons("trials", id, () => store.refresh());
byId("trial-actions").append(actions);

function showHead(row) {
  setText(byId("trial-name"), t("Trial {n}", { n: `#${row.number}` }));
  byId("trial-state").hidden = false;
  showState(byId("trial-state"), row);
  byId("back").href = studyPage(row.study);
  setText(byId("back"), `← ${row.study_name ?? t("Study {n}", { n: row.study })}`);
  const again = row.retry_of === null || row.retry_of === undefined ? "" : t("attempt {n}, retry of #{number}", { n: number(row.attempt), number: row.retry_of });
  setText(byId("trial-what"), [row.started_at ? dateTime(row.started_at).slice(0, 16) : "", row.started_at ? duration(secondsOf(row)) : "", again].filter(Boolean).join(" · "));
  setText(byId("trial-reason"), told(row.reason ?? ""));
  byId("trial-reason").hidden = !row.reason;
  showActions(actions, row);
  document.title = `${row.study_name ?? t("Study {n}", { n: row.study })} #${row.number} · QuantAI`;
}

const heartbeatAge = (row) => (row.heartbeat_at ? (serverNow() - toMs(row.heartbeat_at)) / 1000 : null);

function showTiles(row, list) {
  const last = list.at(-1);
  const mark = best(list);
  const batches = list.reduce((sum, epoch) => sum + epoch.batches, 0);
  const overflows = list.reduce((sum, epoch) => sum + epoch.overflows, 0);
  const scaled = last?.scale_last !== null && last?.scale_last !== undefined;
  const as_of = last ? `${t("epoch")} ${last.epoch} · ${ago((serverNow() - last.at) / 1000)}` : t("no epoch yet");
  setTile("epochs", `${number(row.epochs_done)} / ${number(row.epochs_wanted)}`, { note: last ? t("{time} for the last", { time: duration(last.seconds) }) : t("no epoch yet") });
  setTile("validation", figure(last?.validation_loss), { note: as_of });
  setTile("best", figure(mark?.validation_loss), { note: mark ? `${t("epoch")} ${mark.epoch}` : last ? t("no epoch beat its beginning") : t("no epoch yet") });
  setTile("scale", scaled ? figure(last.scale_last) : NONE, { note: scaled ? `${scaleText(last.scale_last).replace(/^.*\(/, "(")} · ${as_of}` : t("no loss scaler") });
  setTile("overflow", scaled ? percent(overflows / Math.max(1, batches)) : NONE, { unit: scaled ? "%" : "", tone: scaled && overflows / batches > 0.01 ? "warn" : "", note: scaled ? t("{n} of {all} batches", { n: number(overflows), all: number(batches) }) : t("no loss scaler") });
  setTile("rate", figure(last?.learning_rate), { note: as_of });
  setTile("speed", number(last?.samples_per_second), { unit: last ? t("samples/s") : "", note: last ? t("{n} MB at most", { n: number(last.peak_memory_bytes / MEGABYTE) }) : "" });
  const age = heartbeatAge(row);
  const late = row.state === "running" && age !== null && age * 1000 > HEARTBEAT_LATE_MS;
  setTile("heartbeat", row.state === "running" ? duration(age) : "–", { tone: late ? "critical" : "", note: row.state === "running" ? (late ? t("late: its process may be dead") : t("ago")) : row.ended_at ? t("ended {at}", { at: dateTime(row.ended_at).slice(5, 16) }) : "" });
}

const definitions = (pairs) => h("dl", { class: "facts" }, pairs.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

function showFacts(row) {
  const params = Object.entries(row.params ?? {});
  byId("trial-params").replaceChildren(params.length ? definitions(params.map(([name, value]) => [h("code", { title: name }, shortName(name)), valueText(value)])) : h("p", { class: "muted" }, t("Nothing was searched")));
  byId("trial-process").replaceChildren(definitions([
    [t("Host"), row.host || NONE], [t("Process"), row.pid ? String(row.pid) : NONE], [t("Worker"), row.worker || NONE], [t("Device"), row.device || NONE], [t("Precision"), row.precision || NONE],
    [t("Batch size"), number(row.batch_size)], [t("Weights"), number(row.parameters)], [t("First scale"), scaleText(row.init_scale)],
    [t("Started"), dateTime(row.started_at)], [t("Ended"), dateTime(row.ended_at)], [t("Last heartbeat"), row.heartbeat_at ? `${dateTime(row.heartbeat_at)}${row.state === "running" ? ` · ${ago(heartbeatAge(row))}` : ""}` : NONE],
  ]));
  evaluation.show(row.metrics ?? {});
}

function showDiagnosis(row, list) {
  const found = diagnosis(row, list);
  const badge = byId("diagnosis-title").firstChild;
  byId("diagnosis").dataset.kind = found.kind;
  setData(badge, "tone", found.tone);
  setText(badge, found.title);
  setText(byId("diagnosis-text"), found.text);
}

function showMissing() {
  const missing = store.state === "error";
  const box = byId("trial-missing");
  box.hidden = !missing;
  for (const section of document.querySelectorAll("#trial > :not(#trial-missing, #metrics-card)")) section.hidden = missing;
  if (missing) box.replaceChildren(store.error.status === 404 ? stateBox("empty", t("There is no such trial")) : stateBox("error", t("Could not load"), store.error.message, () => store.refresh()));
}

function show() {
  showMissing();
  const row = trial();
  if (!row) return;
  const list = epochs();
  showHead(row);
  showTiles(row, list);
  showFacts(row);
  if (epochStore_.state === "loading") return;
  if (epochStore_.state === "error") {
    byId("scale-state").replaceChildren(stateBox("error", t("Could not load"), epochStore_.error.message, () => epochStore_.refresh()));
    return;
  }
  showDiagnosis(row, list);
  showScale(row, list);
  for (const plot of plots) plot.draw();
}

byId("scale-state").replaceChildren(skeletonRows(4));
store.onChange(show);
epochStore_.onChange(show);
document.addEventListener("quantai:time", show);
trainingExports(byId("export-menu"));
watchPage("training", () => store.heardAt, STALE_MS);
// The heartbeat is not pushed.
setInterval(() => { if (trial()?.state === "running") store.refresh(); }, ASK_MS);
setInterval(() => {
  const row = trial();
  if (!row) return;
  showTiles(row, epochs());
  if (isOpen(row)) showHead(row);
  staleTiles(["epochs", "validation", "best", "scale", "overflow", "rate", "speed"], store.heardAt !== null && Date.now() - store.heardAt > STALE_MS);
}, 1000);
