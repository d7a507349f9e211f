/* What a page knows of a topic. HTTP is the truth, push is a hint: subscribe first,
   then fetch the snapshot, then let newer pushed items win.

   latest(topic, load, keep): Map key → newest item of a newest-wins topic; `keep`
   names the fields that only the snapshot's rows have.
   queued(topic, load): list of every item of a queued topic, newest last.
   rows(topic, load, { keyOf, wants }): Map key → row as it is now, of a queued topic
   whose items are rows; a push may leave out fields that only the snapshot has.
   `load()` returns { epoch, items, ageSeconds?, partial? } or { epoch, seq, items };
   keys that a snapshot leaves out are gone, unless it is partial.
   While the socket is down both go on asking over HTTP, slower. */

import { live } from "./socket.js";

const FALLBACK_FIRST_MS = 1_500;
const FALLBACK_MS = 5_000;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
const EPOCH_TRIES = 3;

/* An epoch is "RUN.GENERATION" in pushes: a new generation means that messages were
   missed, a new run that numbers start again. Over HTTP it is "RUN RUN …", one run for
   each process that publishes. */
const runOf = (epoch) => (epoch ?? "").split(".")[0];

class Store {
  constructor(topic, load) {
    this.topic = topic;
    this.load = load;
    this.epoch = null;
    this.state = "loading";
    this.error = null;
    this.subscribed_ = false;
    this.listeners = new Set();
    this.failures = 0;
    this.loads = 0;
    live.attach(topic, this);
    this.fallback = setTimeout(() => this.poll(), FALLBACK_FIRST_MS);
  }

  /** `listener(change)`; change is a set of keys, or a list of new items. */
  onChange(listener) {
    this.listeners.add(listener);
    return this;
  }

  close() {
    this.closed = true;
    clearTimeout(this.fallback);
    clearTimeout(this.retry);
    live.detach(this.topic, this);
  }

  subscribed(message) {
    this.subscribed_ = true;
    this.enter(message.epoch);
    this.refresh();
  }

  /** Note the epoch of a push; a new run makes everything held replaceable. */
  enter(epoch) {
    const [before, now] = [runOf(this.epoch), runOf(epoch)];
    this.epoch = epoch;
    if (before && now && before !== now) this.reset();
  }

  lost() {
    this.subscribed_ = false;
  }

  poll() {
    if (this.closed || live.state === "signed-out") return;
    if (!this.subscribed_) this.refresh();
    this.fallback = setTimeout(() => this.poll(), FALLBACK_MS);
  }

  async refresh() {
    clearTimeout(this.retry);
    const turn = ++this.loads;
    this.askedAt = Date.now();
    try {
      const snapshot = await this.load();
      if (turn !== this.loads || this.closed) return;
      this.failures = 0;
      this.error = null;
      this.accept(snapshot);
      this.state = "ready";
    } catch (error) {
      if (turn !== this.loads || this.closed) return;
      this.failed(error);
    }
    this.tell(this.wholeChange());
  }

  failed(error) {
    this.error = error;
    if (live.state === "signed-out") return;
    if (this.isEmpty()) this.state = "error";
    const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
    this.retry = setTimeout(() => this.refresh(), wait);
  }

  tell(change) {
    for (const listener of this.listeners) listener(change, this);
  }
}

class LatestStore extends Store {
  constructor(topic, load, keep) {
    super(topic, load);
    this.keep = keep;
    this.items = new Map();
    this.newestAt = null;
    this.epochTries = 0;
  }

  isEmpty() {
    return this.items.size === 0;
  }

  wholeChange() {
    return new Set(this.items.keys());
  }

  reset() {
    this.epochTries = 0;
    // Still shown, growing old, until a newer item of the new run takes the place.
    for (const item of this.items.values()) item.n = undefined;
  }

  push(message) {
    if (message.epoch !== this.epoch) {
      const missed = runOf(this.epoch) !== "";
      this.enter(message.epoch);
      if (missed) this.refresh();
    }
    const now = Date.now();
    const changed = new Set();
    for (const item of message.items) if (this.put(item, now)) changed.add(item.k);
    if (changed.size) this.tell(changed);
  }

  accept(snapshot) {
    if (this.belongsToAnother(snapshot)) return;
    const at = Date.now() - (snapshot.ageSeconds ?? 0) * 1000;
    const named = new Set(snapshot.items.map((item) => item.k));
    for (const item of snapshot.items) this.put(item, at);
    if (snapshot.partial) return;
    for (const [key, item] of this.items) {
      if (!named.has(key) && item.at < this.askedAt) this.items.delete(key);
    }
  }

  /** A snapshot of an older epoch than the pushes: ask again, a few times. */
  belongsToAnother(snapshot) {
    const pushed = runOf(this.epoch);
    if (!pushed || !snapshot.epoch || snapshot.epoch.split(" ").includes(pushed)) return false;
    if (++this.epochTries > EPOCH_TRIES) return false;
    this.retry = setTimeout(() => this.refresh(), RETRY_MS[0]);
    return true;
  }

  put(item, at) {
    const old = this.items.get(item.k);
    if (old && item.n !== undefined && old.n !== undefined && item.n <= old.n) {
      // Older, yet a snapshot's row also names what pushes leave out (tick, rank).
      for (const field of this.keep) old[field] ??= item[field];
      return true;
    }
    for (const field of this.keep) {
      if (item[field] === undefined && old?.[field] !== undefined) item[field] = old[field];
    }
    item.at = at;
    this.items.set(item.k, item);
    if (this.newestAt === null || at > this.newestAt) this.newestAt = at;
    return true;
  }
}

class QueuedStore extends Store {
  constructor(topic, load, limit) {
    super(topic, load);
    this.limit = limit;
    this.list = [];
    this.seen = new Set();
    this.seq = null;
  }

  isEmpty() {
    return this.list.length === 0;
  }

  wholeChange() {
    return [];
  }

  reset() {
    this.seq = null;
  }

  push(message) {
    const first = message.seq - message.items.length;
    const gap = this.seq !== null && first > this.seq;
    if (message.epoch !== this.epoch || gap) {
      this.enter(message.epoch);
      this.refresh();
    }
    this.seq = Math.max(this.seq ?? 0, message.seq);
    this.add(message.items);
  }

  accept(snapshot) {
    this.seq = Math.max(this.seq ?? 0, snapshot.seq ?? 0);
    this.add(snapshot.items);
  }

  add(items) {
    const fresh = items.filter((item) => !this.seen.has(item.id));
    if (!fresh.length) return;
    fresh.forEach((item) => this.seen.add(item.id));
    this.list.push(...fresh);
    this.list.sort((a, b) => a.at - b.at || a.id - b.id);
    for (const item of this.list.splice(0, this.list.length - this.limit)) this.seen.delete(item.id);
    this.tell(fresh);
  }
}

class RowStore extends Store {
  constructor(topic, load, keyOf, wants) {
    super(topic, load);
    this.keyOf = keyOf;
    this.wants = wants;
    this.items = new Map();
    this.seq = null;
    /* What was pushed since the last answer of the server: [number, item]. */
    this.pushed = [];
    this.newestAt = null;
  }

  /** When this store last knew that nothing was missing (ms), or null. */
  get heardAt() {
    if (this.newestAt === null) return null;
    return this.subscribed_ && !this.error ? Math.max(this.newestAt, live.lastPong ?? 0) : this.newestAt;
  }

  isEmpty() {
    return this.items.size === 0;
  }

  wholeChange() {
    return new Set(this.items.keys());
  }

  reset() {
    this.seq = null;
    this.pushed = [];
  }

  push(message) {
    const before = message.seq - message.items.length;
    const gap = this.seq !== null && before > this.seq;
    if (message.epoch !== this.epoch || gap) {
      this.enter(message.epoch);
      this.refresh();
    }
    this.seq = Math.max(this.seq ?? 0, message.seq);
    const changed = new Set();
    message.items.forEach((item, index) => {
      if (!this.wants(item)) return;
      this.pushed.push([before + index + 1, item]);
      changed.add(this.put(item));
    });
    this.newestAt = Date.now();
    if (changed.size) this.tell(changed);
  }

  /** The server's rows, then what was pushed after it had looked at its queue. */
  accept(snapshot) {
    this.seq = Math.max(this.seq ?? 0, snapshot.seq ?? 0);
    const known = this.items;
    this.items = new Map();
    for (const item of snapshot.items) {
      const key = this.keyOf(item);
      this.items.set(key, { ...known.get(key), ...item });
    }
    for (const [at, item] of this.pushed) if (at > (snapshot.seq ?? 0)) this.put(item);
    this.pushed = [];
    this.newestAt = Date.now();
  }

  put(item) {
    const key = this.keyOf(item);
    this.items.set(key, { ...this.items.get(key), ...item });
    return key;
  }
}

export const latest = (topic, load, keep = []) => new LatestStore(topic, load, keep);
export const queued = (topic, load, limit = 200) => new QueuedStore(topic, load, limit);
export const rows = (topic, load, { keyOf = (item) => String(item.id), wants = () => true } = {}) => new RowStore(topic, load, keyOf, wants);
