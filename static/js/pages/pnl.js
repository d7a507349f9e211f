/* Profit of a period: realised, fees, funding, what is open, and where prices come from. */

import { chosen, offerAccounts } from "../account_choice.js";
import { accountExports } from "../account_exports.js";
import { accountsStore, ASSET, cash, exact, fetchPnl, gain, gainTone, sourceName, toNumber, venueBadge } from "../accounts.js";
import { byId, h, setText } from "../dom.js";
import { ago, dateTime, duration, number, price } from "../format.js";
import { ticketButtons } from "../order_ticket.js";
import { periodChoice } from "../periods.js";
import { axis, baseLayout, Plot, seriesColor, titled } from "../plots.js";
import { t } from "../strings.js";
import { told as translated } from "../told.js";
import { token } from "../theme.js";
import { setTile, skeletonRows, stateBox } from "../ui.js";

const AGAIN_MS = 30_000;
const TABLES = ["pnl-symbols", "pnl-accounts", "pnl-sources", "pnl-trades"];
const select = byId("pnl-account");
let told = null;
let loadedAt = null;
let turn = 0;

const values = () => ({ ...chosen(select), ...period() });
const period = periodChoice(byId("period"), () => load());

/* Tables */
const gainCell = (text) => h("td", { class: `num ${gainTone(text)}` }, gain(text));
const cashCell = (text) => h("td", { class: "num" }, cash(text));

function table(label, heads, lines) {
  const cells = heads.map(([name, num]) => h("th", { scope: "col", class: num ? "num" : "" }, name));
  return h("div", { class: "table-scroll" }, h("table", { class: "table", "aria-label": label }, h("thead", {}, h("tr", {}, cells)), h("tbody", {}, lines)));
}

function fill(id, lines, make, empty) {
  byId(id).replaceChildren(lines.length ? make() : stateBox("empty", empty));
}

const SUMS = [[t("Net"), true], [t("Realised"), true], [t("Fees"), true], [t("Funding"), true], [t("Volume"), true], [t("Fills"), true], [t("Exchange says"), true]];
const sums = (row) => [gainCell(row.net), gainCell(row.realised), cashCell(row.fees), gainCell(row.funding), h("td", { class: "num" }, cash(row.volume, 0)), h("td", { class: "num" }, number(row.fills)), h("td", { class: `num ${row.agrees ? "muted" : "warn"}`, title: row.agrees ? t("equal") : t("differs by {n}", { n: exact(row.difference) }) }, gain(row.exchange_realised))];

function showTables() {
  fill("pnl-symbols", told.symbols, () => table(t("By symbol"), [[t("Symbol")], ...SUMS], told.symbols.map((row) => h("tr", {}, h("td", {}, row.symbol), sums(row)))), t("Nothing was traded in this period"));
  fill("pnl-accounts", told.accounts, () => table(t("By account"), [[t("Account")], ...SUMS], told.accounts.map((row) => h("tr", { title: translated(row.problem) }, h("td", {}, row.account, " ", venueBadge(row.badge)), sums(row)))), t("No account yet"));
  const { trades } = told;
  const heads = [[t("Closed")], [t("Symbol")], [t("Account")], [t("Direction")], [t("Quantity"), true], [t("Entry"), true], [t("Exit"), true], [t("Realised"), true], [t("Fees"), true], [t("Funding"), true], [t("Net"), true], [t("Held"), true]];
  fill("pnl-trades", trades, () => table(t("Closed trades"), heads, trades.map(tradeLine)), t("No trade was closed in this period"));
  setText(byId("closed-note"), told.trades_total > trades.length ? t("the newest {n} of {all}; the file has them all", { n: number(trades.length), all: number(told.trades_total) }) : t("{n} from flat to flat", { n: number(told.trades_total) }));
  const rates = [...told.conversions.map((one) => h("tr", {}, h("td", {}, one.asset), h("td", { class: "num" }, exact(one.paid)), h("td", { class: "num" }, exact(one.price)), h("td", {}, dateTime(one.at)))),
    ...Object.entries(told.unconverted).map(([asset, paid]) => h("tr", { class: "warn" }, h("td", {}, asset), h("td", { class: "num" }, exact(paid)), h("td", { class: "num" }, "–"), h("td", {}, t("no price was known; not in the fees"))))];
  byId("conversions-card").hidden = !rates.length;
  byId("pnl-conversions").replaceChildren(table(t("Fees in other assets"), [[t("Asset")], [t("Paid"), true], [t("Price"), true], [t("Price of")]], rates));
}

function tradeLine(row) {
  const long = row.direction === "long";
  return h("tr", {},
    h("td", {}, dateTime(row.closed_at).slice(0, 16)), h("td", {}, row.symbol), h("td", {}, row.account, " ", venueBadge(row.badge)),
    h("td", { class: long ? "up" : "down" }, long ? `▲ ${t("long")}` : `▼ ${t("short")}`), h("td", { class: "num" }, exact(row.quantity)),
    h("td", { class: "num" }, price(toNumber(row.entry))), h("td", { class: "num" }, price(toNumber(row.exit))), gainCell(row.realised), cashCell(row.fees), gainCell(row.funding), gainCell(row.net),
    h("td", { class: "num muted" }, duration((row.closed_at - row.opened_at) / 1000)));
}

function showSources() {
  const { sources, tolerance, totals, prices_problem: problem } = told.open;
  const lines = Object.entries(sources).map(([name, one]) => h("tr", {},
    h("td", {}, sourceName(name)), h("td", {}, h("span", { class: "badge", "data-tone": one.healthy ? "good" : "warn" }, one.healthy ? t("healthy") : t("{n} of {all} fresh", { n: number(one.fresh), all: number(one.symbols) }))),
    h("td", { class: "num" }, duration(one.newest_age_seconds)), h("td", { class: "num" }, duration(one.oldest_age_seconds))));
  byId("pnl-sources").replaceChildren(table(t("Where the prices come from"), [[t("Source")], [t("State")], [t("Newest"), true], [t("Oldest"), true]], lines));
  const allowed = t("fresh up to {age}; apart up to {n} %", { age: duration(tolerance.age_seconds), n: number(Number(tolerance.spread) * 100, 2) });
  setText(byId("sources-note"), [translated(problem), totals.inconsistent ? t("{n} positions whose prices differ too much", { n: number(totals.inconsistent) }) : "", allowed].filter(Boolean).join(" · "));
}

function showTiles() {
  const { totals, open } = told;
  setTile("net", gain(totals.net), { unit: ASSET, tone: gainTone(totals.net), note: t("realised less fees, with funding") });
  setTile("realised", gain(totals.realised), { unit: ASSET, tone: gainTone(totals.realised), note: totals.agrees ? t("as the exchange says") : t("the exchange says {n}", { n: gain(totals.exchange_realised) }) });
  setTile("fees", cash(totals.fees), { unit: ASSET, note: Object.keys(told.unconverted).length ? t("without some in other assets") : t("paid") });
  setTile("funding", gain(totals.funding), { unit: ASSET, tone: gainTone(totals.funding), note: t("received less paid") });
  setTile("open", gain(open.totals.profit), { unit: ASSET, tone: gainTone(open.totals.profit), note: t("now; the exchange says {n}", { n: gain(open.totals.exchange_profit) }) });
  setTile("volume", cash(totals.volume, 0), { unit: ASSET, note: t("{n} fills", { n: number(totals.fills) }) });
}

function showProblems() {
  const lines = told.accounts.filter((one) => one.problem).map((one) => t("{name}: {problem}; the exchange's own numbers are shown.", { name: one.account, problem: translated(one.problem) }));
  if (told.other_assets.length) lines.push(t("Contracts settled in {assets} are left out.", { assets: told.other_assets.join(", ") }));
  byId("pnl-problems").replaceChildren(...lines.map((line) => h("p", { class: "card card-body warn" }, line)));
}

/* The sum of closed trades over time */
const plot = new Plot(byId("pnl-plot"), () => {
  if (!told?.curve.length) return null;
  const points = told.curve.map(([at, sum]) => [new Date(at), Number(sum)]);
  const color = points.at(-1)[1] >= 0 ? token("up") : token("down");
  return {
    traces: [{ type: "scatter", mode: points.length < 60 ? "lines+markers" : "lines", x: points.map(([at]) => at), y: points.map(([, value]) => value), line: { color, width: 2, shape: "hv" }, marker: { size: 5, color }, hovertemplate: `%{y:,.2f} ${ASSET}<br>%{x}<extra></extra>` }],
    layout: baseLayout({ xaxis: axis({ type: "date" }), yaxis: axis({ title: titled(ASSET), zeroline: true, zerolinecolor: token("line-2") }), colorway: [seriesColor(0)] }),
  };
});

function showPlot() {
  const none = !told.curve.length;
  byId("pnl-plot").hidden = none;
  byId("pnl-plot-state").replaceChildren(...(none ? [stateBox("empty", t("No trade was closed in this period"))] : []));
  if (!none) plot.draw();
}

async function load() {
  const mine = ++turn;
  setText(byId("pnl-note"), t("counting …"));
  try {
    const answer = await fetchPnl(values());
    if (mine !== turn) return;
    told = answer;
    loadedAt = Date.now();
    showTiles();
    showTables();
    showSources();
    showProblems();
    showPlot();
    note();
  } catch (error) {
    if (mine !== turn) return;
    setText(byId("pnl-note"), error.message);
    if (!told) for (const id of TABLES) byId(id).replaceChildren(stateBox("error", t("Could not load"), error.message, load));
  }
}

function note() {
  setText(byId("pnl-note"), loadedAt === null ? "" : t("in {asset} · {age}", { asset: ASSET, age: ago((Date.now() - loadedAt) / 1000) }));
}

for (const id of TABLES) byId(id).replaceChildren(skeletonRows(3));
select.addEventListener("change", load);
const accounts = accountsStore(60_000);
accounts.onChange(() => accounts.value && offerAccounts(select, accounts.value));
const file = (what) => () => ({ ...values(), what });
accountExports([[t("By symbol"), "pnl", file("symbols")], [t("By account"), "pnl", file("accounts")], [t("Closed trades"), "pnl", file("trades")], [t("Fees in other assets"), "pnl", file("conversions")]]);
document.addEventListener("quantai:time", () => told && showTables());
setInterval(note, 1000);
setInterval(load, AGAIN_MS);
load();
ticketButtons();
