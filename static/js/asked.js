/* An answer of REST that is kept new: asked again when one of its topics says that
   something changed, at most twice a second, and now and then without any push. */

import { atMost } from "./dom.js";
import { live } from "./socket.js";

const PUSHED_MS = 500;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

class Asked {
  constructor(topics, load, every) {
    this.load = load;
    this.every = every;
    this.value = null;
    this.error = null;
    this.newestAt = null;
    this.failures = 0;
    this.turn = 0;
    this.listeners = new Set();
    this.soon = atMost(PUSHED_MS, () => this.refresh());
    const handler = { subscribed: this.soon, push: this.soon, lost() {} };
    for (const topic of topics) live.attach(topic, handler);
    this.refresh();
  }

  get state() {
    if (this.value !== null) return "ready";
    return this.error ? "error" : "loading";
  }

  onChange(listener) {
    this.listeners.add(listener);
    return this;
  }

  async refresh() {
    clearTimeout(this.timer);
    const turn = ++this.turn;
    try {
      const value = await this.load();
      if (turn !== this.turn) return;
      this.value = value;
      this.newestAt = Date.now();
      this.error = null;
      this.failures = 0;
      this.timer = setTimeout(() => this.refresh(), this.every);
    } catch (error) {
      if (turn !== this.turn) return;
      this.error = error;
      const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
      if (live.state !== "signed-out") this.timer = setTimeout(() => this.refresh(), wait);
    }
    for (const listener of this.listeners) listener(this);
  }
}

/** `load()` gives the whole answer; `every` ms without any push it is asked again. */
export const asked = (topics, load, every = 5_000) => new Asked(topics, load, every);
