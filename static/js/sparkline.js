/* A small line without axes: how a value went. */

import { t } from "./strings.js";

const SPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, ROOM] = [160, 36, 2];

function node(name, values) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  return made;
}

/** `points`: [ms, text of a number], in order. */
export function sparkline(points, label) {
  const svg = node("svg", { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  const values = points.map(([at, text]) => [at, Number(text)]);
  svg.setAttribute("aria-label", values.length < 2 ? `${label}: ${t("no data yet")}` : label);
  if (values.length < 2) return svg;
  const numbers = values.map(([, value]) => value);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const [first, last] = [values[0][0], values.at(-1)[0]];
  const x = (at) => ROOM + ((at - first) / Math.max(1, last - first)) * (WIDTH - 2 * ROOM);
  const y = (value) => (high === low ? HEIGHT / 2 : HEIGHT - ROOM - ((value - low) / (high - low)) * (HEIGHT - 2 * ROOM));
  svg.append(node("polyline", {
    points: values.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" "),
    class: numbers.at(-1) >= numbers[0] ? "up" : "down", fill: "none", "vector-effect": "non-scaling-stroke",
  }));
  return svg;
}
