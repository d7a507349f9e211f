/* What charts and their overlays both need of time and colour. */

import { inUtc } from "./format.js";
import { token } from "./theme.js";

/** Axis time: Plotly draws UTC, so local time is shown by shifting. */
export const axisTime = (ms) => (inUtc() ? ms : ms - new Date(ms).getTimezoneOffset() * 60_000);
export const mixed = (name, share) => `color-mix(in srgb, ${token(name)} ${share}%, transparent)`;

/** color-mix as a plain colour, which Plotly understands. */
export function resolved(color) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = color;
  return probe.fillStyle;
}
