/* The one socket to the server, /ws/live: connects again by itself, carries topics.

   States: connecting → open → waiting (will try at retryAt) → connecting …;
   offline (the browser says so) and signed-out (no more tries) end the waiting.
   A topic handler is { subscribed(message), push(message), lost() }; what they carry
   is in stores.js. Changes of the state are "state" events on `live`. */

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;
const JITTER = 0.3;
const PING_EVERY_MS = 5_000;
const PONG_WITHIN_MS = 10_000;
const CONNECT_WITHIN_MS = 10_000;
const SLEPT_MS = 8_000;
const HEALTHY_AFTER_MS = 10_000;
const SIGNED_OUT = 4401;

let clockOffset = 0;

/** The server's wall clock, ms since the epoch, as far as this page knows it. */
export const serverNow = () => Date.now() + clockOffset;

export class LiveSocket extends EventTarget {
  constructor(url) {
    super();
    this.url = url;
    this.topics = new Map();
    this.state = "connecting";
    this.since = Date.now();
    this.retryAt = null;
    this.rttMs = null;
    this.lastMessageAt = null;
    this.failures = 0;
    this.socket = null;
    this.lastTick = Date.now();
  }

  start() {
    addEventListener("online", () => this.retryNow());
    addEventListener("offline", () => this.check());
    addEventListener("pageshow", (event) => event.persisted && this.check());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.check();
    });
    setInterval(() => this.tick(), 1000);
    this.connect();
  }

  /** Add a handler; the topic is subscribed while it has one. */
  attach(topic, handler) {
    const handlers = this.topics.get(topic) ?? new Set();
    handlers.add(handler);
    this.topics.set(topic, handlers);
    if (this.ready) this.send({ type: "subscribe", topics: [topic] });
  }

  detach(topic, handler) {
    const handlers = this.topics.get(topic);
    if (!handlers?.delete(handler) || handlers.size) return;
    this.topics.delete(topic);
    if (this.ready) this.send({ type: "unsubscribe", topics: [topic] });
  }

  get ready() {
    return this.state === "open";
  }

  connect() {
    this.become("connecting");
    this.count = 0;
    this.ackEvery = 1;
    this.pingAt = null;
    this.startedAt = Date.now();
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onmessage = (event) => this.socket === socket && this.receive(event.data);
    socket.onclose = (event) => this.socket === socket && this.closed(event);
  }

  receive(text) {
    this.lastMessageAt = Date.now();
    const message = JSON.parse(text);
    if (message.type === "data" || message.type === "queue") this.deliver(message);
    else if (message.type === "hello") this.hello(message);
    else if (message.type === "pong") this.pong(message);
    else if (message.type === "subscribed") this.tell(message.topic, "subscribed", message);
    else if (message.type === "error") console.warn("live socket:", message.code, message.message);
  }

  deliver(message) {
    this.tell(message.topic, "push", message);
    this.count += 1;
    // The server stops at its window: the acknowledgement says this page keeps up.
    if (this.count % this.ackEvery === 0) this.send({ type: "ack", n: this.count });
  }

  hello(message) {
    clockOffset = message.server_time - Date.now();
    this.ackEvery = Math.max(1, message.ack_every ?? 1);
    this.become("open");
    const topics = [...this.topics.keys()];
    if (topics.length) this.send({ type: "subscribe", topics });
    this.ping();
  }

  tell(topic, method, message) {
    for (const handler of this.topics.get(topic) ?? []) handler[method](message);
  }

  ping() {
    this.pingAt = Date.now();
    this.send({ type: "ping" });
  }

  pong(message) {
    if (this.pingAt === null) return;
    const now = Date.now();
    this.rttMs = now - this.pingAt;
    clockOffset = message.server_time - (this.pingAt + this.rttMs / 2);
    this.pingAt = null;
    this.lastPong = now;
    this.dispatchEvent(new Event("state"));
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Once a second: find a dead or silent socket, and a computer that slept. */
  tick() {
    const now = Date.now();
    const slept = now - this.lastTick > SLEPT_MS && document.visibilityState === "visible";
    this.lastTick = now;
    if (this.ready && now - this.since > HEALTHY_AFTER_MS) this.failures = 0;
    if (slept) this.check();
    else if (this.state === "connecting" && now - this.startedAt > CONNECT_WITHIN_MS) this.drop();
    else if (this.ready && this.pingAt !== null && now - this.pingAt > PONG_WITHIN_MS) this.drop();
    else if (this.ready && this.pingAt === null && now - this.lastPong > PING_EVERY_MS) this.ping();
  }

  /** After sleep or a network change: prove the socket alive, or replace it at once. */
  check() {
    if (!navigator.onLine && this.state !== "open") this.become("offline");
    else if (this.ready && this.pingAt === null) this.ping();
    else if (this.state === "waiting" || this.state === "offline") this.retryNow();
  }

  retryNow() {
    if (this.ready || this.state === "connecting" || this.state === "signed-out") return;
    clearTimeout(this.timer);
    this.connect();
  }

  /** Give the socket up without waiting for its closing handshake. */
  drop() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.closed({ code: 1006 });
  }

  closed(event) {
    for (const handlers of this.topics.values()) {
      for (const handler of handlers) handler.lost();
    }
    if (event.code === SIGNED_OUT) return this.become("signed-out");
    const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.failures);
    const delay = ceiling * (1 - JITTER + 2 * JITTER * Math.random());
    this.failures += 1;
    this.retryAt = Date.now() + delay;
    this.timer = setTimeout(() => this.connect(), delay);
    this.become(navigator.onLine ? "waiting" : "offline");
  }

  become(state) {
    const wasUp = this.state === "open";
    if (this.state !== state && (wasUp || state === "open")) this.since = Date.now();
    this.state = state;
    if (state === "open") this.lastPong = Date.now();
    this.dispatchEvent(new Event("state"));
  }
}

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
export const live = new LiveSocket(`${scheme}//${location.host}/ws/live`);
live.start();
