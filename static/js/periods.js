/* The period of a report: buttons for usual ones, kept in the address. */

const DAY_MS = 86_400_000;
const DAYS = { "1d": 1, "7d": 7, "30d": 30, "90d": 90, all: null };

/** `changed()` runs when another one is chosen; returns a function that gives `{ since }`. */
export function periodChoice(host, changed) {
  const buttons = [...host.children];
  const asked = new URLSearchParams(location.search).get("period");
  let now = asked in DAYS ? asked : "30d";
  const press = () => buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.period === now)));
  press();
  host.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    now = button.dataset.period;
    const values = new URLSearchParams(location.search);
    values.set("period", now);
    history.replaceState(null, "", `${location.pathname}?${values}`);
    press();
    changed();
  });
  return () => (DAYS[now] === null ? {} : { since: String(Date.now() - DAYS[now] * DAY_MS) });
}
