/* "Scan now": asks for a scan, shows how far it is, cancels it, tells the result.
   Progress is the newest-wins topic "scan"; while one runs it is asked for over HTTP too. */

import { get, post } from "./api.js";
import { byId, h, setText } from "./dom.js";
import { clockTime, number } from "./format.js";
import { latest } from "./stores.js";
import { t } from "./strings.js";
import { told } from "./told.js";
import { toast } from "./ui.js";

const ASK_MS = 1_500;
const OVER = new Set(["done", "cancelled", "failed"]);
const STATES = { waiting: t("waiting"), running: t("scanning"), done: t("done"), cancelled: t("cancelled"), failed: t("failed") };
const mayControl = document.body.dataset.mayControl === "yes";
const box = byId("scan-progress");
const bar = h("progress", { max: 1, value: 0, "aria-label": t("Progress of the scan") });
const words = h("span", { id: "scan-words", role: "status" });
const cancel = h("button", { class: "button small", type: "button", id: "scan-cancel" }, t("Cancel"));
const reasons = h("details", { class: "scan-failed", id: "scan-failed", hidden: true }, h("summary"), h("ul"));

let scan = null;
let timer = null;
let ended = null;
let whenOver = () => {};

const idOf = (report) => report.scan ?? report.id;

function resultLine(report) {
  const failed = Object.keys(report.failed ?? {}).length;
  const found = report.signals_found ?? report.signals?.length;
  const prime = report.prime_found ?? report.prime_signals?.length;
  return t("{all} asked, {scanned} scanned, {failed} failed in {time} s · {found} signals, {prime} prime", {
    all: number(report.total_symbols), scanned: number(report.scanned), failed: number(failed),
    time: number(report.elapsed_seconds, 1), found: number(found), prime: number(prime),
  });
}

function lineOf(report) {
  const name = `${report.interval} · ${STATES[report.state] ?? report.state}`;
  if (report.state === "running") return `${name} ${number(report.done)} / ${number(report.total_symbols)}`;
  if (report.state === "failed") return `${name}: ${told(report.note ?? "")}`;
  if (!OVER.has(report.state)) return name;
  const at = report.started_at ? `${clockTime(report.started_at)} · ` : "";
  return `${at}${name} · ${resultLine(report)}`;
}

function showReasons(report) {
  const failed = Object.entries(report.failed ?? {});
  reasons.hidden = !failed.length;
  setText(reasons.firstChild, t("{n} failed: why", { n: number(failed.length) }));
  reasons.lastChild.replaceChildren(...failed.map(([symbol, reason]) => h("li", {}, h("b", {}, symbol), ` ${told(reason)}`)));
}

/** Take a report unless it is of an older scan than the one shown, or older itself. */
function take(report) {
  if (scan && idOf(report) < idOf(scan)) return;
  const over = scan && idOf(report) === idOf(scan) && OVER.has(scan.state) && !OVER.has(report.state);
  if (over) return;
  // Pushes may name less than the answer did.
  scan = scan && idOf(scan) === idOf(report) ? { ...scan, ...report } : report;
  show();
}

function show() {
  const running = !OVER.has(scan.state);
  box.hidden = false;
  box.dataset.state = scan.state;
  bar.hidden = cancel.hidden = !running;
  cancel.disabled = !mayControl;
  if (scan.total_symbols) bar.value = scan.done / scan.total_symbols;
  else bar.removeAttribute("value");
  setText(words, lineOf(scan));
  showReasons(scan);
  byId("scan-now").setAttribute("aria-busy", String(running));
  byId("scan-now").disabled = running || !mayControl;
  clearTimeout(timer);
  if (running) timer = setTimeout(askAgain, ASK_MS);
  else if (ended !== idOf(scan)) {
    ended = idOf(scan);
    whenOver(scan);
  }
}

async function askAgain() {
  try {
    take(await get(`/market/scans/${idOf(scan)}`));
  } catch (error) {
    setText(words, `${t("Could not ask for the scan")}: ${error.message}`);
    timer = setTimeout(askAgain, ASK_MS * 2);
  }
}

async function begin() {
  const button = byId("scan-now");
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    take(await post("/market/scan", { body: { interval: byId("scan-interval").value, wait: 0 } }));
  } catch (error) {
    button.disabled = false;
    button.removeAttribute("aria-busy");
    toast(t("The scan could not begin"), error.message, "bad");
  }
}

async function stop() {
  cancel.disabled = true;
  try {
    await post(`/market/scans/${idOf(scan)}/cancel`);
    await askAgain();
  } catch (error) {
    cancel.disabled = false;
    toast(t("That did not work"), error.message, "bad");
  }
}

/** Start the control; `onDone` is called once for each scan that ends. */
export function scanControl(onDone) {
  box.replaceChildren(bar, words, cancel, reasons);
  byId("scan-now").disabled = !mayControl;
  byId("scan-now").addEventListener("click", begin);
  cancel.addEventListener("click", stop);
  whenOver = onDone;
  const news = latest("scan", async () => ({ epoch: null, items: [], partial: true }));
  news.onChange(() => {
    const report = news.items.get("scan");
    if (report) take(report);
  });
}
