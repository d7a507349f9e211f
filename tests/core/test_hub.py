import asyncio
import json
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import hub as hub_module
from core import redis as core_redis
from core import topics
from core.hub import Hub, Listener
from core.push import CHANNEL, NewestPublisher, Push, pack_items, queue_publish
from core.topics import TopicRule
from tests.waiting import until

WINDOW = 4


class Truth:
    """The newest state that HTTP would give, and the pushes that tell of it."""

    def __init__(self):
        self.epochs = defaultdict(lambda: "run-1")
        self.seq = defaultdict(int)
        self.latest = defaultdict(dict)
        self.items = defaultdict(list)

    def newest(self, topic, key):
        """Change a value; return the push that tells of it."""
        self.seq[topic] += 1
        version = sum(len(v) for v in self.latest.values()) + self.seq[topic]
        item = {"k": key, "n": version * 1000 + self.seq[topic]}
        self.latest[topic][key] = item
        pairs = ((key, json.dumps(item).encode()),)
        return Push(topic, "newest", self.epochs[topic], self.seq[topic], pairs)

    def restart(self, topic):
        """The publisher starts a new run."""
        self.epochs[topic] = f"run-{int(self.epochs[topic][4:]) + 1}"
        self.seq[topic] = 0

    def queue(self, topic, count):
        """Append items; return the push that tells of them."""
        first = len(self.items[topic])
        self.items[topic] += range(first + 1, first + count + 1)
        pairs = tuple(
            (str(number), json.dumps({"id": number}).encode())
            for number in self.items[topic][first:]
        )
        return Push(topic, "queue", "queue-epoch", first + count, pairs)


class Browser:
    """Follows the rules of the page: a new epoch or a gap means ask over HTTP."""

    def __init__(self, hub, truth, window=WINDOW):
        self.hub, self.truth, self.window = hub, truth, window
        self.listener = Listener(self._send, window)
        self.received = self.acknowledged = self.fetches = 0
        self.epochs, self.state = {}, defaultdict(dict)
        self.last, self.queued = {}, defaultdict(list)
        self.pump = asyncio.create_task(self.listener.pump(hub.topics))

    async def subscribe(self, name):
        topic = await self.hub.subscribe(self.listener, name)
        self.epochs[name], self.last[name] = topic.position, topic.seq
        self.fetch(name)

    def unsubscribe(self, name):
        self.hub.unsubscribe(self.listener, name)
        self.epochs.pop(name, None)
        self.state.pop(name, None)

    def fetch(self, name):
        self.fetches += 1
        self.state[name] = dict(self.truth.latest[name])
        self.queued[name] = list(self.truth.items[name])
        self.last[name] = len(self.queued[name])

    async def _send(self, text):
        await asyncio.sleep(0)
        message = json.loads(text)
        self.received += 1
        assert self.received - self.acknowledged <= self.window, "beyond the credit"
        name = message["topic"]
        if name not in self.epochs:
            return
        if message["type"] == "queue":
            self._take_queue(name, message)
            return
        if message["epoch"] != self.epochs[name]:
            self.epochs[name] = message["epoch"]
            self.fetch(name)
        for item in message["items"]:
            old = self.state[name].get(item["k"])
            if old is None or item["n"] >= old["n"]:
                self.state[name][item["k"]] = item

    def _take_queue(self, name, message):
        gap = message["seq"] - len(message["items"]) != self.last[name]
        if gap or message["epoch"] != self.epochs[name]:
            self.epochs[name] = message["epoch"]
            self.fetch(name)
        else:
            self.queued[name] += [item["id"] for item in message["items"]]
        self.last[name] = max(message["seq"], self.last[name])

    def acknowledge(self):
        self.acknowledged = self.received
        self.listener.acknowledge(self.received)

    async def close(self):
        self.pump.cancel()
        await asyncio.gather(self.pump, return_exceptions=True)


async def breathe():
    for _ in range(12):
        await asyncio.sleep(0)


NEWEST_TOPICS = ("quotes", "feed", "symbol:A")
STEPS = st.one_of(
    st.tuples(
        st.just("newest"), st.sampled_from(NEWEST_TOPICS), st.sampled_from("abc")
    ),
    st.tuples(st.just("lose"), st.sampled_from(NEWEST_TOPICS), st.sampled_from("abc")),
    st.tuples(st.just("queue"), st.just("events"), st.integers(1, 3)),
    st.tuples(st.just("lose_queue"), st.just("events"), st.integers(1, 3)),
    st.tuples(st.just("restart"), st.sampled_from(NEWEST_TOPICS)),
    st.tuples(st.just("ack"), st.integers(0, 2)),
    st.tuples(st.just("breathe")),
    st.tuples(
        st.sampled_from(["subscribe", "unsubscribe"]),
        st.integers(0, 2),
        st.sampled_from([*NEWEST_TOPICS, "events"]),
    ),
)


async def play(steps):
    hub, truth = Hub(), Truth()
    browsers = [Browser(hub, truth) for _ in range(3)]
    try:
        for step, *what in steps:
            await act(hub, truth, browsers, step, what)
        # The last value of each topic arrives, everybody reads and acknowledges.
        for name in NEWEST_TOPICS:
            await hub.apply(truth.newest(name, "a"))
        await hub.apply(truth.queue("events", 1))
        for _ in range(10):
            await breathe()
            for browser in browsers:
                browser.acknowledge()
        for browser in browsers:
            for name in browser.epochs:
                if name == "events":
                    assert browser.queued[name] == truth.items[name]
                else:
                    assert browser.state[name] == truth.latest[name]
    finally:
        for browser in browsers:
            await browser.close()


async def act(hub, truth, browsers, step, what):
    if step == "newest":
        await hub.apply(truth.newest(*what))
    elif step == "lose":
        truth.newest(*what)
    elif step == "queue":
        await hub.apply(truth.queue(*what))
    elif step == "lose_queue":
        truth.queue(*what)
    elif step == "restart":
        truth.restart(*what)
    elif step == "ack":
        browsers[what[0]].acknowledge()
    elif step == "subscribe":
        await browsers[what[0]].subscribe(what[1])
    elif step == "unsubscribe":
        browsers[what[0]].unsubscribe(what[1])
    else:
        await breathe()


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_after_any_interleaving_every_browser_holds_the_newest_state(steps):
    asyncio.run(play(steps))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.integers(1, 4), st.just("ack")), max_size=40))
def test_a_queue_hands_every_item_once_and_in_order_without_asking_again(steps):
    async def follow():
        hub, truth = Hub(), Truth()
        browser = Browser(hub, truth)
        await hub.apply(truth.queue("events", 1))
        await browser.subscribe("events")
        await hub.apply(truth.queue("events", 1))
        await breathe()
        asked = browser.fetches
        for step in steps:
            if step == "ack":
                browser.acknowledge()
            else:
                await hub.apply(truth.queue("events", step))
            await breathe()
        browser.acknowledge()
        await breathe()
        assert browser.queued["events"] == truth.items["events"]
        assert browser.fetches == asked
        await browser.close()

    asyncio.run(follow())


async def test_a_browser_that_never_acknowledges_costs_no_memory_and_no_messages():
    hub, truth = Hub(), Truth()
    stuck = Browser(hub, truth)
    await stuck.subscribe("quotes")
    for number in range(5000):
        await hub.apply(truth.newest("quotes", f"S{number % 140}"))
        await asyncio.sleep(0)
    await breathe()
    topic = hub.topics["quotes"]
    assert stuck.received == WINDOW
    assert stuck.listener.skipped > 4000
    assert len(topic._latest) == 140
    assert len(topic._texts) <= 1
    await stuck.close()


async def test_a_slow_browser_skips_values_but_never_a_symbol():
    hub, truth = Hub(), Truth()
    slow = Browser(hub, truth)
    await slow.subscribe("quotes")
    for number in range(1000):
        await hub.apply(truth.newest("quotes", f"S{number % 140}"))
        await asyncio.sleep(0)
    slow.acknowledge()
    await breathe()
    assert slow.state["quotes"] == truth.latest["quotes"]
    assert slow.received < 20
    await slow.close()


async def test_with_little_credit_no_topic_starves():
    hub, truth = Hub(), Truth()
    slow = Browser(hub, truth, window=1)
    names = [f"symbol:{letter}" for letter in "ABCDEF"]
    for name in names:
        await slow.subscribe(name)
    heard = set()
    for _ in range(2 * len(names)):
        for name in names:
            await hub.apply(truth.newest(name, "book"))
        await breathe()
        heard |= {n for n in names if slow.state[n] == truth.latest[n]}
        slow.acknowledge()
    assert heard == set(names)
    await slow.close()


async def test_a_browser_that_keeps_up_is_told_before_apply_returns():
    hub, truth = Hub(), Truth()
    prompt = Browser(hub, truth)
    await prompt.subscribe("quotes")
    await hub.apply(truth.newest("quotes", "a"))
    assert prompt.received == 1
    await prompt.close()


async def test_a_browser_with_much_unread_does_not_hold_up_the_others(monkeypatch):
    monkeypatch.setattr(hub_module, "PROMPT_CHARACTERS", 10)
    hub, truth = Hub(), Truth()
    reading = asyncio.Event()

    async def send(text):
        sent.append(text)
        if len(sent) > 1:
            await reading.wait()

    sent = []
    listener = Listener(send, WINDOW)
    pump = asyncio.create_task(listener.pump(hub.topics))
    await hub.subscribe(listener, "quotes")
    quick = Browser(hub, truth)
    await quick.subscribe("quotes")
    for key in "abc":
        await hub.apply(truth.newest("quotes", key))
        await breathe()
    assert quick.received == 3
    assert len(sent) == 2
    reading.set()
    await breathe()
    assert '"c"' in sent[-1]
    pump.cancel()
    await quick.close()


@pytest.mark.parametrize("trouble", [OSError("gone"), RuntimeError("odd state")])
async def test_trouble_of_one_browser_is_not_that_of_the_others(trouble):
    hub, truth = Hub(), Truth()

    async def fail(text):
        raise trouble

    await hub.subscribe(Listener(fail, WINDOW), "quotes")
    healthy = [Browser(hub, truth) for _ in range(3)]
    for browser in healthy:
        await browser.subscribe("quotes")
    await hub.apply(truth.newest("quotes", "a"))
    assert [browser.received for browser in healthy] == [1, 1, 1]
    for browser in healthy:
        await browser.close()


async def test_an_acknowledgement_beyond_what_was_sent_gives_no_extra_credit():
    hub, truth = Hub(), Truth()
    browser = Browser(hub, truth)
    await browser.subscribe("quotes")
    browser.listener.acknowledge(10**9)
    for number in range(3 * WINDOW):
        await hub.apply(truth.newest("quotes", f"S{number}"))
        await breathe()
    assert browser.received == WINDOW
    await browser.close()


async def test_a_topic_nobody_hears_is_forgotten():
    hub, truth = Hub(), Truth()
    browser = Browser(hub, truth)
    await browser.subscribe("quotes")
    await hub.apply(truth.newest("quotes", "a"))
    browser.unsubscribe("quotes")
    await hub.apply(truth.newest("quotes", "b"))
    assert hub.topics == {}
    await browser.close()


async def test_somebody_who_must_know_of_listeners_is_told_of_the_first(monkeypatch):
    told = []

    async def watched(name):
        told.append(name)

    monkeypatch.setattr(topics, "_rules", {})
    topics.register(TopicRule("symbol", watched=watched))
    hub, truth = Hub(), Truth()
    browsers = [Browser(hub, truth) for _ in range(2)]
    for browser in browsers:
        await browser.subscribe("symbol:BTCUSDT")
    assert told == ["symbol:BTCUSDT"]
    for browser in browsers:
        await browser.close()


# -- with the real bus ------------------------------------------------------------


@pytest.fixture
async def running(bus, monkeypatch):
    monkeypatch.setattr(hub_module, "RETRY_SECONDS", (0.05, 0.2))
    hub = Hub()
    hub.start()
    await until(lambda: hub.connected)
    yield hub
    await hub.stop()


@pytest.fixture
async def redis(bus):
    client = core_redis.client()
    yield client
    await client.aclose()


async def publish(redis, publisher, truth, topic, key):
    push = truth.newest(topic, key)
    pipeline = redis.pipeline(transaction=False)
    publisher.stage(pipeline, topic, push.items)
    await pipeline.execute()


async def test_what_is_published_reaches_the_browsers_of_this_process(running, redis):
    truth = Truth()
    browser = Browser(running, truth)
    await browser.subscribe("quotes")
    await browser.subscribe("events")
    publisher = NewestPublisher(redis, "run-1")
    await publish(redis, publisher, truth, "quotes", "BTCUSDT")
    items = truth.queue("events", 2).items
    await queue_publish(redis, "events", items, "queue-epoch")
    await until(lambda: browser.received == 2)
    assert browser.state["quotes"] == truth.latest["quotes"]
    assert browser.queued["events"] == [1, 2]
    await browser.close()


async def test_a_malformed_message_does_not_end_the_subscription(
    running, redis, caplog
):
    truth = Truth()
    browser = Browser(running, truth)
    await browser.subscribe("quotes")
    await redis.execute_command("PUBLISH", CHANNEL, b"\x00 nonsense")
    await redis.execute_command("PUBLISH", CHANNEL, b"{}\n" + pack_items([]))
    publisher = NewestPublisher(redis, "run-1")
    await publish(redis, publisher, truth, "quotes", "BTCUSDT")
    await until(lambda: browser.received)
    assert "push message refused" in caplog.text
    await browser.close()


async def test_after_redis_was_killed_browsers_get_a_new_epoch_and_the_whole_state(
    running, redis, redis_server
):
    truth = Truth()
    browser = Browser(running, truth)
    await browser.subscribe("quotes")
    publisher = NewestPublisher(redis, "run-1")
    await publish(redis, publisher, truth, "quotes", "BTCUSDT")
    await until(lambda: browser.received == 1)
    before = browser.epochs["quotes"]
    redis_server.kill()
    try:
        await until(lambda: not running.connected)
        truth.newest("quotes", "ETHUSDT")  # nobody hears of it
    finally:
        redis_server.start()
    await until(lambda: running.connected)
    truth.restart("quotes")
    publisher = NewestPublisher(redis, truth.epochs["quotes"])
    await publish(redis, publisher, truth, "quotes", "SOLUSDT")
    await until(lambda: browser.received == 2)
    assert browser.epochs["quotes"] != before
    assert set(browser.state["quotes"]) == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
    await browser.close()
