/* Performance: curves and numbers of all accounts, of groups, of each. */

import { accountExports } from "../account_exports.js";
import { ASSET, cash, fetchPerformance, gain, gainTone, percent, venueBadge } from "../accounts.js";
import { byId, h, setText } from "../dom.js";
import { ago, direction, duration, number } from "../format.js";
import { ticketButtons } from "../order_ticket.js";
import { periodChoice } from "../periods.js";
import { axis, baseLayout, Plot, seriesColor, seriesCount, titled } from "../plots.js";
import { t } from "../strings.js";
import { told as translated } from "../told.js";
import { setTile, skeletonRows, stateBox } from "../ui.js";

const AGAIN_MS = 60_000;
let told = null;
let loadedAt = null;
let turn = 0;
let what = "equity";
let level = "total";

const period = periodChoice(byId("period"), () => load());

/** Rows of a level: [name, row]. */
function rowsOf(name) {
  if (name === "total") return [[t("In all"), told.total]];
  return told[name].map((row) => [name === "groups" ? row.group || t("no group") : row.account, row]);
}

const ratio = (value) => number(value, 2).replace("-", "−");

/** Points of a curve: [ms, value]. */
function points(row) {
  if (what === "equity") return row.curve.map(([at, equity]) => [at, Number(equity)]);
  const grown = row.curve.filter(([, , growth]) => growth !== null).map(([at, , growth]) => [at, growth]);
  if (what === "growth") return grown.map(([at, growth]) => [at, (growth - 1) * 100]);
  let peak = 0;
  return grown.map(([at, growth]) => {
    peak = Math.max(peak, growth);
    return [at, peak ? (growth / peak - 1) * 100 : 0];
  });
}

const plot = new Plot(byId("curve-plot"), () => {
  const lines = told ? rowsOf(level).map(([name, row]) => [name, points(row)]).filter(([, line]) => line.length) : [];
  if (!lines.length) return null;
  const unit = what === "equity" ? ASSET : "%";
  const dashes = ["solid", "dot", "dash"];
  return {
    traces: lines.map(([name, line], index) => ({
      type: "scatter", mode: line.length < 40 ? "lines+markers" : "lines", name, x: line.map(([at]) => new Date(at)), y: line.map(([, value]) => value),
      line: { color: seriesColor(index), width: 2, dash: dashes[Math.floor(index / seriesCount) % dashes.length] }, marker: { size: 4 },
      fill: what === "fall" && lines.length === 1 ? "tozeroy" : "none", hovertemplate: `%{y:,.2f} ${unit}<br>%{x}<extra>%{fullData.name}</extra>`,
    })),
    layout: baseLayout({ xaxis: axis({ type: "date" }), yaxis: axis({ title: titled(unit) }), showlegend: lines.length > 1, hovermode: lines.length > 1 ? "closest" : "x" }),
  };
});

function showPlot() {
  const some = rowsOf(level).some(([, row]) => points(row).length);
  byId("curve-plot").hidden = !some;
  byId("curve-state").replaceChildren(...(some ? [] : [stateBox("empty", t("No value was kept in this period"), t("What accounts are worth is kept every few minutes."))]));
  if (some) plot.draw();
  setText(byId("curve-note"), t("one value in {age}", { age: duration(told.resolution_seconds) }));
}

function showTiles() {
  const { total } = told;
  setTile("equity", cash(total.equity), { unit: ASSET, note: t("accounts: {n}", { n: number(told.total_accounts) }) });
  setTile("return", percent(total.total_return), { unit: "%", tone: direction(total.total_return), note: t("without what was paid in or out") });
  setTile("drawdown", total.max_drawdown === null ? "–" : number(total.max_drawdown * 100, 2), { unit: total.max_drawdown === null ? "" : "%", note: t("below an earlier peak") });
  setTile("sharpe", ratio(total.sharpe), { note: total.sharpe === null ? t("needs two days or more") : t("of daily returns, a year") });
  setTile("won", total.win_rate === null ? "–" : number(total.win_rate * 100, 1), { unit: total.win_rate === null ? "" : "%", note: t("of {n} closed trades", { n: number(total.trades) }) });
  setTile("factor", number(total.profit_factor, 2), { note: total.profit_factor === null && total.trades ? t("no loss yet") : t("gains over losses") });
}

function line(name, row, kind) {
  return h("tr", { class: kind === "total" ? "is-total" : "", "data-level": kind },
    h("th", { scope: "row" }, name, row.badge ? [" ", venueBadge(row.badge)] : null, kind === "groups" ? h("span", { class: "faint" }, ` ${t("accounts: {n}", { n: number(row.accounts.length) })}`) : null),
    h("td", { class: "num" }, cash(row.equity)), h("td", { class: `num ${direction(row.total_return)}` }, percent(row.total_return)),
    h("td", { class: "num" }, row.max_drawdown === null ? "–" : number(row.max_drawdown * 100, 2)), h("td", { class: "num" }, ratio(row.sharpe)),
    h("td", { class: "num" }, number(row.trades)), h("td", { class: `num ${gainTone(row.net_profit)}` }, gain(row.net_profit)),
    h("td", { class: "num" }, row.win_rate === null ? "–" : number(row.win_rate * 100, 1)), h("td", { class: "num" }, number(row.profit_factor, 2)));
}

function showTable() {
  if (!told.total_accounts) return byId("performance-table").replaceChildren(stateBox("empty", t("No account yet")));
  const heads = [["", ""], [t("Equity"), ASSET], [t("Return"), "%"], [t("Largest fall"), "%"], [t("Sharpe ratio"), ""], [t("Trades"), ""], [t("Net"), ASSET], [t("Won"), "%"], [t("Profit factor"), ""]];
  const lines = ["total", "groups", "accounts"].flatMap((kind) => rowsOf(kind).map(([name, row]) => line(name, row, kind)));
  byId("performance-table").replaceChildren(h("div", { class: "table-scroll" }, h("table", { class: "table performance-numbers", "aria-label": t("Performance") },
    h("thead", {}, h("tr", {}, heads.map(([name, unit], index) => h("th", { scope: "col", class: index ? "num" : "" }, name, unit ? h("span", { class: "unit" }, unit) : null)))), h("tbody", {}, lines))));
}

async function load() {
  const mine = ++turn;
  setText(byId("performance-note"), t("counting …"));
  try {
    const answer = await fetchPerformance(period());
    if (mine !== turn) return;
    told = answer;
    loadedAt = Date.now();
    showTiles();
    showPlot();
    showTable();
    note();
  } catch (error) {
    if (mine !== turn) return;
    setText(byId("performance-note"), error.message);
    if (!told) byId("performance-table").replaceChildren(stateBox("error", t("Could not load"), error.message, load));
  }
}

function note() {
  if (loadedAt === null) return;
  const problems = Object.entries(told.problems).map(([name, text]) => `${name}: ${translated(text)}`);
  setText(byId("performance-note"), [ago((Date.now() - loadedAt) / 1000), problems.length ? t("by the exchange's own numbers: {names}", { names: Object.keys(told.problems).join(", ") }) : ""].filter(Boolean).join(" · "));
  byId("performance-note").title = problems.join("\n");
}

for (const [id, key, set] of [["curve-what", "what", (value) => { what = value; }], ["curve-level", "level", (value) => { level = value; }]]) {
  byId(id).addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    set(button.dataset[key]);
    for (const other of byId(id).children) other.setAttribute("aria-pressed", String(other === button));
    if (told) showPlot();
  });
}
byId("performance-table").replaceChildren(skeletonRows(4));
accountExports([[t("Numbers"), "performance", () => ({ ...period(), what: "summary" })], [t("Curves"), "performance", () => ({ ...period(), what: "curve" })]]);
setInterval(note, 1000);
setInterval(load, AGAIN_MS);
load();
ticketButtons();
