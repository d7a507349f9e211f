/* Rows of a queued topic and of pages of REST in one map, newest first, for a LiveTable:
   pushes change rows, "older" adds a page, filters ask again. */

import { queued } from "./stores.js";
import { t } from "./strings.js";
import { toast } from "./ui.js";

const KEPT = 2_000;

/** `fetchPage({ after })` → { items, next_after, epoch, seq }; `show(known, more)` draws. */
export class GrowingList {
  constructor(topic, fetchPage, show) {
    this.fetchPage = fetchPage;
    this.show = show;
    /** id (text) → row. */
    this.known = new Map();
    this.nextAfter = null;
    this.older = false;
    this.turn = 0;
    this.error = null;
    this.loadedAt = null;
    /* The queue knows an item by its id and revision: a row that changes is news. */
    this.store = queued(topic, async () => {
      const { items, epoch, seq, next_after: next } = await this.fetchPage({});
      if (!this.older) this.nextAfter = next;
      return { epoch, seq, items: items.map(revised) };
    }, KEPT);
    const push = this.store.push.bind(this.store);
    this.store.push = (message) => push({ ...message, items: message.items.map(revised) });
    this.store.onChange((fresh) => {
      this.error = this.store.error;
      if (this.store.state === "ready") this.loadedAt = Date.now();
      this.learn(fresh.map((item) => item.row));
      this.show();
    });
  }

  get loading() {
    return this.loadedAt === null && !this.error;
  }

  learn(rows) {
    for (const row of rows) {
      const key = String(row.id);
      const before = this.known.get(key);
      if (!before || stamp(before) <= stamp(row)) this.known.set(key, row);
    }
    if (this.older || this.known.size <= KEPT) return;
    const oldest = [...this.known.keys()].sort((a, b) => a - b).slice(0, this.known.size - KEPT);
    for (const key of oldest) this.known.delete(key);
  }

  /** The filters changed: what is known stays, the server is asked for more of it. */
  async again() {
    const turn = ++this.turn;
    this.older = false;
    try {
      const { items, next_after: next } = await this.fetchPage({});
      if (turn !== this.turn) return;
      this.nextAfter = next;
      this.loadedAt = Date.now();
      this.error = null;
      this.learn(items);
    } catch (error) {
      if (turn !== this.turn) return;
      this.error = error;
    }
    this.show();
  }

  /** A click of the button in `place` brings a page of older rows, or a toast that says why not. */
  moreBy(place) {
    const button = place.querySelector("button");
    button.addEventListener("click", async () => {
      button.setAttribute("aria-busy", "true");
      try {
        await this.more();
      } catch (error) {
        toast(t("Could not load"), error.message, "bad");
      }
      button.setAttribute("aria-busy", "false");
    });
  }

  /** One page of older rows; raises what REST raises. */
  async more() {
    const { items, next_after: next } = await this.fetchPage({ after: this.nextAfter });
    this.older = true;
    this.nextAfter = next;
    this.learn(items);
    this.show();
  }

  heardAt() {
    return this.loadedAt;
  }
}

const stamp = (row) => row.updated_at ?? row.at ?? 0;
const revised = (row) => ({ id: `${row.id}.${stamp(row)}.${row.filled ?? ""}.${row.state ?? ""}`, at: stamp(row), row });
