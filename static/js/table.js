/* A live table: rows are made once and changed cell by cell, in the next frame, only
   where they can be seen. Sorting never runs under a moving pointer and at most once a
   second. Arrow keys walk the rows; Enter follows the row's link.

   columns: [{ key, label, unit?, title?, text(row), value?(row), tone?(row), flash?,
               num?, sticky?, link?(row), node?(row), class? }] */

import { atMost, h, perFrame, setText } from "./dom.js";
import { skeletonRows, stateBox } from "./ui.js";
import { t } from "./strings.js";

const SORT_EVERY_MS = 1_000;
const FLASH_MS = 400;
const POINTER_REST_MS = 1_500;
const KEY_STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity };

export class LiveTable {
  constructor(host, { columns, label, sort, empty, onSort = () => {}, className = "", detail = null }) {
    this.host = host;
    this.columns = columns;
    this.sort = sort;
    this.empty = empty;
    this.onSort = onSort;
    this.detail = detail;
    this.filter = () => true;
    this.rows = new Map();
    this.dirty = new Set();
    this.flashing = new Map();
    this.pointerAt = -Infinity;
    this.paint = perFrame(() => this.flush());
    this.fade = atMost(FLASH_MS / 2, () => this.unflash());
    this.arrange = atMost(SORT_EVERY_MS, () => this.order());
    this.build(label, className);
    this.showState(skeletonRows(8));
  }

  build(label, className) {
    this.head = h("tr", {}, this.columns.map((column) => this.headCell(column)));
    this.body = h("tbody");
    this.table = h("table", { class: `table ${className}`, "aria-label": label },
      h("thead", {}, this.head), this.body);
    this.state = h("div", { class: "table-state" });
    this.scroller = h("div", { class: "table-scroll" }, this.table, this.state);
    this.host.replaceWith(this.scroller);
    this.body.addEventListener("keydown", (event) => this.onKey(event));
    this.body.addEventListener("focusin", (event) => this.onFocus(event));
    this.body.addEventListener("pointermove", () => { this.pointerAt = performance.now(); });
    this.seen = new IntersectionObserver((entries) => this.onSeen(entries), {
      root: this.scroller, rootMargin: "200px 0px",
    });
    this.markSort();
  }

  headCell(column) {
    const unit = column.unit ? h("span", { class: "unit" }, column.unit) : null;
    const content = column.value
      ? h("button", { type: "button", title: column.title, onclick: () => this.sortBy(column) }, column.label, unit)
      : h("span", { title: column.title }, column.label, unit);
    const cell = h("th", { scope: "col", class: this.cellClass(column), "data-key": column.key }, content);
    return cell;
  }

  cellClass(column) {
    return ["col-" + column.key, column.num ? "num" : "", column.sticky ? "sticky-cell" : "", column.class ?? ""]
      .filter(Boolean).join(" ");
  }

  /** Take rows (key → row); keys in `changed`, or all of them. */
  update(rows, changed = null) {
    for (const key of changed ?? rows.keys()) {
      const row = rows.get(key);
      if (!row) continue;
      const entry = this.rows.get(key);
      if (entry) entry.row = row;
      else this.add(key, row);
      this.dirty.add(key);
    }
    if (!changed) {
      for (const key of [...this.rows.keys()]) if (!rows.has(key)) this.remove(key);
    }
    this.loaded = true;
    this.paint();
    this.arrange();
    if (!this.ordered) this.order(true);
  }

  add(key, row) {
    const cells = this.columns.map((column) => h("td", { class: this.cellClass(column) }));
    const line = h("tr", { "data-key": key }, cells);
    this.rows.set(key, { row, line, cells, texts: [], visible: true, detail: null });
    this.columns.forEach((column, index) => {
      if (column.link) cells[index].append(h("a", { class: "row-link", href: column.link(row), tabindex: "-1" }));
      if (column.node) cells[index].append(column.node(row));
    });
    this.seen.observe(line);
  }

  remove(key) {
    const entry = this.rows.get(key);
    this.seen.unobserve(entry.line);
    entry.line.remove();
    entry.detail?.remove();
    this.rows.delete(key);
    this.dirty.delete(key);
  }

  flush() {
    for (const key of this.dirty) {
      const entry = this.rows.get(key);
      if (entry && !entry.visible) continue;
      this.dirty.delete(key);
      if (entry) this.fill(entry);
    }
  }

  fill(entry) {
    this.columns.forEach((column, index) => {
      if (!column.text) return column.change?.(entry.cells[index], entry.row);
      const text = column.text(entry.row);
      const tone = column.tone?.(entry.row) ?? "";
      if (entry.texts[index] === text + tone) return;
      const cell = entry.cells[index];
      setText(column.link ? cell.firstChild : cell, text);
      cell.className = `${this.cellClass(column)} ${tone}`;
      if (column.flash) this.flash(cell, entry, column.flash(entry.row), index);
      entry.texts[index] = text + tone;
    });
    if (entry.detail && this.detail) this.detail.update(entry.detail.firstChild, entry.row);
  }

  flash(cell, entry, value, index) {
    entry.values ??= [];
    const before = entry.values[index];
    entry.values[index] = value;
    if (before === undefined || value === null || before === value) return;
    cell.classList.add(value > before ? "flash-up" : "flash-down");
    this.flashing.set(cell, performance.now() + FLASH_MS);
    this.fade();
  }

  /** Take the mark off cells that have shown it long enough. */
  unflash() {
    for (const [cell, until] of this.flashing) {
      if (until > performance.now()) continue;
      cell.classList.remove("flash-up", "flash-down");
      this.flashing.delete(cell);
    }
    if (this.flashing.size) this.fade();
  }

  /** Put the rows in order; unless forced, not while the pointer moves over them. */
  order(force = false) {
    if (!force && performance.now() - this.pointerAt < POINTER_REST_MS && this.body.matches(":hover")) {
      return void this.arrange();
    }
    const shown = [...this.rows.values()].filter((entry) => this.filter(entry.row));
    const column = this.columns.find((item) => item.key === this.sort.key);
    if (column?.value) shown.sort((a, b) => compare(column.value(a.row), column.value(b.row), this.sort.down));
    this.place(shown);
    this.ordered = true;
    this.showEmpty(shown.length);
    this.count = shown.length;
    this.onOrder?.(shown.length, this.rows.size);
  }

  place(shown) {
    const wanted = new Set(shown);
    for (const entry of this.rows.values()) {
      if (wanted.has(entry) || !entry.line.isConnected) continue;
      entry.line.remove();
      entry.detail?.remove();
    }
    let next = this.body.firstElementChild;
    for (const entry of shown) {
      for (const line of [entry.line, entry.detail]) {
        if (!line) continue;
        if (line === next) next = next.nextElementSibling;
        else this.move(line, next);
      }
    }
    if (!this.body.querySelector("[tabindex='0']")) this.makeCurrent(this.body.firstElementChild);
  }

  /** Moving an element takes its focus away: give it back. */
  move(line, next) {
    const focused = line.contains(document.activeElement) ? document.activeElement : null;
    this.body.insertBefore(line, next);
    focused?.focus({ preventScroll: true });
  }

  setFilter(filter) {
    this.filter = filter;
    this.order(true);
  }

  sortBy(column) {
    const down = this.sort.key === column.key ? !this.sort.down : Boolean(column.num);
    this.setSort({ key: column.key, down });
    this.onSort(this.sort);
  }

  setSort(sort) {
    this.sort = sort;
    this.markSort();
    this.order(true);
    this.scroller.scrollTop = 0;
  }

  markSort() {
    for (const cell of this.head.cells) {
      if (cell.dataset.key === this.sort.key) {
        cell.setAttribute("aria-sort", this.sort.down ? "descending" : "ascending");
      } else cell.removeAttribute("aria-sort");
    }
  }

  toggleDetail(key) {
    const entry = this.rows.get(key);
    if (entry.detail) {
      entry.detail.remove();
      entry.detail = null;
      return false;
    }
    const cell = h("td", { colSpan: this.columns.length });
    entry.detail = h("tr", { class: "detail-row" }, cell);
    this.detail.update(cell, entry.row);
    entry.line.after(entry.detail);
    return true;
  }

  showEmpty(count) {
    if (count) this.showState(null);
    else if (this.loaded) this.showState(stateBox("empty", this.rows.size ? t("Nothing matches the filter") : this.empty));
  }

  showError(error, retry) {
    if (this.rows.size) return;
    this.showState(stateBox("error", t("Could not load"), error.message, retry));
  }

  showState(node) {
    this.state.replaceChildren(...(node ? [node] : []));
    this.table.hidden = Boolean(node);
  }

  onSeen(entries) {
    for (const { target, isIntersecting } of entries) {
      const entry = this.rows.get(target.dataset.key);
      if (entry) entry.visible = isIntersecting || !target.isConnected;
    }
    this.paint();
  }

  lines() {
    return [...this.body.rows].filter((line) => line.dataset.key !== undefined);
  }

  target(line) {
    return line?.querySelector("a.row-link, button.expander");
  }

  makeCurrent(line) {
    const target = this.target(line);
    if (!target) return;
    this.body.querySelectorAll("a.row-link[tabindex='0']").forEach((other) => { other.tabIndex = -1; });
    target.tabIndex = 0;
  }

  onFocus(event) {
    const line = event.target.closest("tr[data-key]");
    if (line && event.target.matches("a.row-link")) this.makeCurrent(line);
  }

  onKey(event) {
    const step = KEY_STEPS[event.key];
    const line = event.target.closest("tr[data-key]");
    if (step === undefined || !line || event.target.matches("input, select")) return;
    event.preventDefault();
    const lines = this.lines();
    const index = Math.max(0, Math.min(lines.length - 1, lines.indexOf(line) + step));
    const target = this.target(lines[index]);
    this.makeCurrent(lines[index]);
    target?.focus();
    target?.scrollIntoView({ block: "nearest" });
  }
}

const names = new Intl.Collator("en", { numeric: true });

function compare(a, b, down) {
  const noA = a === null || a === undefined || Number.isNaN(a);
  const noB = b === null || b === undefined || Number.isNaN(b);
  // The unknown goes last in either direction.
  if (noA || noB) return noA - noB;
  const order = typeof a === "string" ? names.compare(a, b) : a - b;
  return down ? -order : order;
}
