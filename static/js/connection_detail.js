/* What a connection's row unfolds to: failures, reconnects, streams, TLS. */

import { h } from "./dom.js";
import { NONE, dateTime, duration, number, toMs } from "./format.js";
import { t } from "./strings.js";
import { told } from "./told.js";

const when = (entry) => dateTime(toMs(entry.at ?? entry.time ?? entry.timestamp));

function section(title, content) {
  return h("section", {}, h("h3", {}, title), content);
}

function entries(list, describe) {
  if (!list?.length) return h("p", { class: "faint" }, t("None so far"));
  return h("ol", { class: "detail-list" }, [...list].reverse().map((entry) => h("li", {},
    h("span", { class: "faint" }, `${when(entry)}  `), describe(entry))));
}

const failure = (entry) => [
  h("b", {}, entry.error_type ?? entry.type ?? "UNKNOWN"), ` ${told(entry.reason ?? entry.message ?? "")}`,
  entry.advice ? h("span", { class: "faint" }, ` ${told(entry.advice)}`) : "",
];

function reconnection(entry) {
  const delay = entry.delay_seconds ?? entry.delay;
  const success = entry.success ?? entry.succeeded;
  return [
    success === undefined ? "" : h("b", { class: success ? "up" : "down" }, success ? t("succeeded") : t("failed")),
    ` ${told(entry.reason ?? entry.error_type ?? "")} `,
    delay === undefined || delay === null ? "" : h("span", { class: "faint" }, t("after {time}", { time: duration(delay) })),
  ];
}

function streams(list) {
  if (!list?.length) return h("p", { class: "faint" }, t("None so far"));
  return h("div", { class: "chips" }, list.map((stream) => {
    const name = typeof stream === "string" ? stream : stream.name ?? stream.stream;
    const state = typeof stream === "string" ? "live" : stream.state;
    const age = stream.age_seconds ?? stream.last_frame_age_seconds;
    const quiet = state !== undefined && state !== "live";
    return h("span", { class: "chip", "data-tone": quiet ? "warn" : null, title: age === undefined || age === null ? state : `${state} · ${duration(age)}` }, name);
  }));
}

function facts(row) {
  const pairs = [
    [t("TLS"), row.tls?.version ? `${row.tls.version} · ${row.tls.cipher ?? ""}` : NONE],
    [t("Last pong"), row.last_pong_time ? dateTime(toMs(row.last_pong_time)) : NONE],
    [t("Messages"), number(row.messages)],
    [t("Received"), `${number((row.bytes ?? 0) / 1e6, 1)} MB`],
    [t("Failures in a row"), number(row.consecutive_failures)],
    [t("Streams"), `${number(row.streams_live)} ${t("live")} · ${number(row.streams_silent)} ${t("silent")} · ${number(row.streams_expected)} ${t("expected")}`],
  ];
  return h("dl", { class: "facts" }, pairs.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** Fill `cell` again when what it shows has changed. */
export function fillDetail(cell, row) {
  const { failures, history, tls, reconnects } = row;
  const key = JSON.stringify([failures, history, tls, reconnects, row.streams, row.messages]);
  if (cell.dataset.key === key) return;
  const scrolled = [...cell.querySelectorAll(".detail-list, .chips")].map((list) => list.scrollTop);
  cell.dataset.key = key;
  cell.replaceChildren(h("div", { class: "detail-grid" },
    section(t("Facts"), facts(row)), section(t("Last failures"), entries(failures, failure)),
    section(t("Last reconnects"), entries(history, reconnection)), section(t("Streams"), streams(row.streams))));
  cell.querySelectorAll(".detail-list, .chips").forEach((list, index) => { list.scrollTop = scrolled[index] ?? 0; });
}
