/* The last 24 hours of all connections on one axis, drawn as SVG: when each was away,
   and what happened. Colours come from the style sheet, so both themes fit. */

import { get, query } from "./api.js";
import { h, perFrame, setText } from "./dom.js";
import { clockTime, duration, inUtc, number } from "./format.js";
import { serverNow } from "./socket.js";
import { t } from "./strings.js";
import { told } from "./told.js";
import { skeletonRows, stateBox } from "./ui.js";

const HOURS = 24;
const HOUR_MS = 3_600_000;
const LANES = 14;
const LANE = 22;
const BAR = 10;
const AXIS = 24;
const LABEL = 120;
const LABEL_NARROW = 88;
const NARROW = 560;
const TICK_ROOM = 52;
const SMALLEST = 2.5;
const MOVE_MS = 30_000;
const REST = "rest";
const MARKS = { failed: t("failed"), fatal: t("refused"), flapping: t("flapping"), silent: t("stream silent"), filled: t("candles filled"), reconnect_requested: t("reconnect requested"), rotated: t("rotated") };
const SPACE = "http://www.w3.org/2000/svg";

function s(name, properties = {}, ...children) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(properties)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const tip = (text) => s("title", {}, text);

/** Rows [id, at, connection, kind, reason] → lanes with the times away and marks. */
export function lanesOf(rows, until) {
  const lanes = new Map();
  for (const [, at, connection, kind, reason] of rows) {
    const lane = lanes.get(connection) ?? { name: connection, away: [], marks: [], losses: 0, since: null };
    lanes.set(connection, lane);
    if (kind === "connected") end(lane, at);
    else if (kind === "disconnected" || kind === "stopped") begin(lane, at, kind, reason);
    if (kind in MARKS) lane.marks.push({ at, kind, reason });
  }
  for (const lane of lanes.values()) {
    end(lane, until);
    lane.total = lane.away.reduce((sum, span) => sum + span.end - span.start, 0);
  }
  return [...lanes.values()].filter((lane) => lane.away.length || lane.marks.length);
}

/** Dials that fail while it is away make the absence longer, not another one. */
function begin(lane, at, kind, reason) {
  if (lane.since) return;
  lane.since = { at, kind, reason };
  lane.losses += kind === "disconnected";
}

function end(lane, at) {
  if (lane.since) lane.away.push({ start: lane.since.at, end: at, kind: lane.since.kind, reason: lane.since.reason });
  lane.since = null;
}

/** The most troubled lanes by name; the rest in one, so that 280 connections fit. */
function arrange(lanes) {
  const sorted = [...lanes].sort((a, b) => b.total + b.marks.length - a.total - a.marks.length);
  const shown = sorted.slice(0, sorted.length > LANES ? LANES - 1 : LANES);
  shown.sort((a, b) => (a.name === REST) - (b.name === REST) || a.name.localeCompare(b.name, "en", { numeric: true }));
  const rest = sorted.slice(LANES - 1);
  if (sorted.length > LANES) {
    shown.push({ name: t("{n} more", { n: rest.length }), away: rest.flatMap((lane) => lane.away), marks: rest.flatMap((lane) => lane.marks) });
  }
  return shown;
}

const nameOf = (lane) => (lane.name === REST ? t("from REST") : lane.name);

function awayBar(lane, span, x, y) {
  const width = Math.max(SMALLEST, x(span.end) - x(span.start));
  const what = span.kind === "stopped" ? t("stopped") : t("away");
  const text = `${nameOf(lane)}: ${what} ${clockTime(span.start)} – ${clockTime(span.end)} (${duration((span.end - span.start) / 1000)})\n${told(span.reason)}`;
  return s("rect", { class: "incident-away", "data-kind": span.kind, x: x(span.start), y: y - BAR / 2, width, height: BAR, rx: 1.5 }, tip(text));
}

function markSign(lane, mark, x, y) {
  const text = tip(`${nameOf(lane)}: ${MARKS[mark.kind]} ${clockTime(mark.at)}\n${told(mark.reason)}`);
  const at = x(mark.at);
  if (mark.kind === "failed" || mark.kind === "fatal") {
    return s("path", { class: "incident-mark", "data-kind": mark.kind, d: `M${at - 5} ${y - 5}L${at + 5} ${y + 5}M${at + 5} ${y - 5}L${at - 5} ${y + 5}` }, text);
  }
  if (mark.kind === "flapping") {
    return s("path", { class: "incident-mark", "data-kind": mark.kind, d: `M${at - 5} ${y + 4.5}L${at} ${y - 5}L${at + 5} ${y + 4.5}Z` }, text);
  }
  return s("circle", { class: "incident-mark", "data-kind": mark.kind, cx: at, cy: y, r: 3.5 }, text);
}

function axis(since, until, x, bottom, room) {
  const every = [1, 2, 3, 4, 6, 12].find((hours) => (HOURS / hours) * TICK_ROOM <= room) ?? 12;
  const shift = inUtc() ? 0 : new Date(until).getTimezoneOffset() * 60_000;
  const step = every * HOUR_MS;
  const parts = [];
  for (let at = Math.ceil((since - shift) / step) * step + shift; at <= until; at += step) {
    parts.push(
      s("line", { class: "incident-grid", x1: x(at), x2: x(at), y1: 0, y2: bottom }),
      s("text", { class: "incident-time", x: x(at), y: bottom + 16, "text-anchor": "middle" }, clockTime(at).slice(0, 5)));
  }
  return parts;
}

function picture(lanes, since, until, width) {
  const left = width < NARROW ? LABEL_NARROW : LABEL;
  const room = Math.max(60, width - left - 24);
  const x = (at) => left + ((Math.max(since, at) - since) / (until - since)) * room;
  const bottom = lanes.length * LANE;
  const svg = s("svg", { class: "incidents", width, height: bottom + AXIS, viewBox: `0 0 ${width} ${bottom + AXIS}`, role: "img" });
  svg.append(...axis(since, until, x, bottom, room));
  lanes.forEach((lane, index) => {
    const y = index * LANE + LANE / 2;
    svg.append(
      s("text", { class: "incident-name", x: left - 10, y: y + 4, "text-anchor": "end" }, nameOf(lane)),
      s("rect", { class: "incident-lane", x: left, y: y - BAR / 2, width: room, height: BAR, rx: 1.5 }),
      ...lane.away.map((span) => awayBar(lane, span, x, y)),
      ...lane.marks.map((mark) => markSign(lane, mark, x, y)));
  });
  return svg;
}

function summary(lanes) {
  const losses = lanes.reduce((sum, lane) => sum + lane.losses, 0);
  const away = lanes.reduce((sum, lane) => sum + lane.total, 0);
  if (!losses) return t("no connection was lost");
  return t("{n} losses, {time} away in sum", { n: number(losses), time: duration(away / 1000) });
}

/** Keep `host` showing the picture; `events` is the store of connection events. */
export function incidentPicture(host, note, events) {
  let rows = null;
  let complete = true;
  let error = null;
  host.replaceChildren(skeletonRows(4));

  const draw = perFrame(() => {
    if (error) return host.replaceChildren(stateBox("error", t("Could not load"), error.message, load));
    if (!rows || !host.clientWidth) return;
    const until = serverNow();
    const since = until - HOURS * HOUR_MS;
    rows = rows.filter((row) => row[1] >= since);
    const lanes = lanesOf(rows, until);
    const text = summary(lanes) + (complete ? "" : ` · ${t("only the newest are shown")}`);
    setText(note, text);
    if (!lanes.length) return host.replaceChildren(stateBox("empty", t("Nothing was lost in the last 24 hours")));
    const svg = picture(arrange(lanes), since, until, host.clientWidth);
    svg.setAttribute("aria-label", t("Last 24 hours: {text}", { text }));
    host.replaceChildren(svg);
  });

  async function load() {
    try {
      const answer = await get(query("/market/connections/incidents", { hours: HOURS }));
      rows = answer.incidents;
      complete = answer.complete;
      error = null;
      add(events.list);
    } catch (problem) {
      if (!rows) error = problem;
    }
    draw();
  }

  function add(items) {
    if (!rows) return;
    const last = rows.length ? rows.at(-1)[0] : 0;
    for (const item of items) if (item.id > last) rows.push([item.id, item.at, item.connection, item.kind, item.reason]);
  }

  events.onChange((fresh) => {
    if (!fresh.length) return;
    add(fresh);
    draw();
  });
  document.addEventListener("quantai:time", draw);
  new ResizeObserver(draw).observe(host);
  setInterval(draw, MOVE_MS);
  load();
}

export const incidentLegend = () => [["away", t("away")], ["stopped", t("stopped")], ["failed", t("failed")], ["flapping", t("flapping")], ["silent", t("stream silent")], ["filled", t("candles filled")]]
  .map(([kind, name]) => h("span", {}, h("i", { "data-incident": kind }), name));
