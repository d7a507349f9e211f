"""The whole feed on real parts: exchange over TLS, Redis, channel layer, database."""

import asyncio
import contextlib
import json
import time

import pytest
from asgiref.sync import sync_to_async

from core import push, snapshot
from market import feed as feed_module
from market import selectors, services
from market.binance.config import WsSettings
from market.feed import Feed
from market.models import ConnectionEvent, FeedCommand
from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator
from tests.waiting import eventually, until

VENUE = "simulator"
MINUTE_MS = 60_000
pytestmark = pytest.mark.usefixtures("database", "layer")


@pytest.fixture
async def simulator(tmp_path):
    """A minute of this exchange lasts a second."""
    chosen = SimulatorSettings(symbols=4, speed=60)
    async with running_simulator(chosen, tmp_path / "exchange") as running:
        yield running


class Running:
    """A feed at work and what it shows."""

    def __init__(self, feed, bus):
        self.feed, self.bus = feed, bus
        self.task = asyncio.create_task(feed.run())

    def table(self, name):
        found = snapshot.read(self.bus, VENUE, name)
        return {key: json.loads(raw) for key, raw in found.items()}

    @property
    def totals(self):
        return self.feed.follower.statistics()["totals"]

    def all_live(self):
        totals = self.totals
        return totals and totals["streams_live"] == totals["streams_expected"] > 0

    async def live(self):
        await until(lambda: self.task.done() or self.all_live(), 20)
        assert not self.task.done()

    async def stop(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
def rhythm(monkeypatch):
    """Gaps are looked for often, orders only when woken."""
    monkeypatch.setattr(feed_module, "BACKFILL_SECONDS", 0.3)
    monkeypatch.setattr(feed_module, "STATUS_SECONDS", 0.2)
    monkeypatch.setattr(feed_module, "CONTROL_SECONDS", 60.0)
    return monkeypatch


@pytest.fixture
async def start(market, bus, rhythm):
    started = []

    async def start_feed(**changes):
        chosen = market.model_copy(update={"intervals": ("1m",), **changes})
        ws = WsSettings(reconnect_initial_delay=0.1, reconnect_jitter=0)
        running = Running(Feed(venue=VENUE, ws=ws, market=chosen), bus)
        started.append(running)
        return running

    yield start_feed
    for running in started:
        await running.stop()


@pytest.fixture
async def running(start):
    feed = await start()
    await feed.live()
    return feed


@sync_to_async
def order(kind, target=""):
    if kind == "reconnect":
        return services.feed_reconnect(venue=VENUE, connection=target, actor="alice")
    desired = {"stop": "stopped", "start": "running"}[kind]
    return services.feed_desire(venue=VENUE, desired=desired, actor="alice")


@sync_to_async
def command(number):
    return FeedCommand.objects.get(id=number)


@sync_to_async
def events():
    return list(ConnectionEvent.objects.order_by("id"))


async def obeyed(made, seconds=10):
    """Wait until the command is acknowledged; return its result."""
    row = await eventually(
        lambda: command(made.id), lambda row: row.acknowledged_at, seconds
    )
    return row.result


@sync_to_async
def stored(symbol):
    rows = selectors.bars_recent(venue=VENUE, symbol=symbol, interval="1m", limit=1500)
    return {row[0]: row[1:8] for row in rows}


async def history(feed, symbol, since):
    """Bars as the exchange's REST has them."""
    raw = await feed.rest.get(
        "/fapi/v1/klines", weight=5, symbol=symbol, interval="1m",
        startTime=since, limit=500,
    )  # fmt: skip
    return {row[0]: [*map(float, row[1:6]), float(row[7]), row[8]] for row in raw}


async def complete(symbol, last):
    """Wait until every bar from the first stored to ``last`` is there; return them."""

    def whole(bars):
        first = min(bars, default=last)
        return bars and bars.keys() >= set(range(first, last + 1, MINUTE_MS))

    bars = await eventually(lambda: stored(symbol), whole, 20)
    return {at: bar for at, bar in bars.items() if at <= last}


async def check_against_the_exchange(running, symbol):
    now = running.feed._exchange_now()
    last = now // MINUTE_MS * MINUTE_MS - MINUTE_MS
    bars = await complete(symbol, last)
    truth = await history(running.feed, symbol, min(bars))
    assert {at: list(bar) for at, bar in bars.items()} == {at: truth[at] for at in bars}
    return bars


async def test_prices_bars_connections_and_the_feeds_report_are_there_for_others(
    running, bus
):
    symbols = running.feed.follower.symbols
    assert len(symbols) == 3
    await until(lambda: set(running.table("quotes")) == set(symbols))
    await until(
        lambda: all(q["m"] and q["c"] for q in running.table("quotes").values())
    )
    await until(lambda: len(running.table("bars")) == 3)
    await until(lambda: running.table("feed").get("feed", {}).get("frames", 0) > 0)
    report = running.table("feed")["feed"]
    assert (report["state"], report["desired"]) == ("running", "running")
    assert report["decode_errors"] == 0
    rows = running.table("connections")
    assert {"public-1", "market-1", "totals", "reconnect_statistics"} <= set(rows)
    assert rows["public-1"]["tls"]["version"] in ("TLSv1.2", "TLSv1.3")
    for symbol in symbols:
        await check_against_the_exchange(running, symbol)


async def test_after_stop_and_start_the_stored_bars_equal_the_exchanges_history(
    running, simulator
):
    symbol = running.feed.follower.symbols[0]
    # Woken, not found by looking once a minute.
    assert await obeyed(await order("stop")) == "stopped"
    assert running.feed.follower.client is None
    await until(lambda: simulator.connections == 0)
    await until(lambda: running.table("feed")["feed"]["state"] == "stopped")
    stopped_at = running.feed._exchange_now()
    await asyncio.sleep(2.5)  # two or three bars close unseen
    result = await obeyed(await order("start"))
    assert result == "started"
    await running.live()
    await until(lambda: running.feed._exchange_now() > stopped_at + 3 * MINUTE_MS)
    bars = await check_against_the_exchange(running, symbol)
    assert max(bars) > stopped_at + MINUTE_MS
    kinds = [event.kind for event in await events()]
    assert kinds.count("stopped") == 2
    assert kinds.count("connected") == 4


async def test_a_stopped_feed_stays_stopped_when_it_is_started_again(start):
    await order("stop")
    feed = await start()
    await until(lambda: feed.table("feed").get("feed", {}).get("state") == "stopped")
    assert feed.feed.follower.client is None


async def test_a_connection_is_replaced_on_demand_and_the_events_tell_in_order(
    running, bus
):
    before = running.feed.follower.client.connections["public-1"]
    assert await obeyed(await order("reconnect", "public-1")) == "reconnecting"
    await until(lambda: before.reconnector.succeeded == 1)
    await running.live()
    assert before.reconnector.history[-1].success is True
    await until(lambda: running.table("connections")["public-1"]["reconnects"] == 1)

    await running.feed.writer.flush()
    rows = await events()
    mine = [row.kind for row in rows if row.connection == "public-1"]
    assert mine == ["connected", "reconnect_requested", "connected"]
    assert push.queue_position(bus, "events")[1] == len(rows) >= 4


async def test_an_order_for_a_connection_that_does_not_exist_says_so(running):
    result = await obeyed(await order("reconnect", "market-99"))
    assert "no connection" in result
    assert running.all_live()


async def test_connections_that_are_cut_come_back_by_themselves_and_say_why(
    running, simulator
):
    client = running.feed.follower.client
    assert simulator.drop_connections("rst") == 2
    await until(
        lambda: all(c.reconnector.succeeded == 1 for c in client.connections.values())
    )
    await running.live()
    for connection in client.connections.values():
        assert connection.reconnector.retries == 0
    await running.feed.writer.flush()
    lost = [row for row in await events() if row.kind == "disconnected"]
    assert {row.error_type for row in lost} == {"NETWORK"}
    assert all(row.advice and row.delay_seconds is not None for row in lost)
    for symbol in running.feed.follower.symbols:
        await check_against_the_exchange(running, symbol)


async def test_sockets_go_on_while_redis_is_dead_and_pages_get_everything_after(
    running, redis_server, bus, rhythm
):
    await until(lambda: running.feed.publisher.available)
    epoch = running.feed.publisher.epoch
    frames = running.feed.ingest.frames
    redis_server.kill()
    try:
        await until(lambda: not running.feed.publisher.available, 20)
        await until(lambda: running.feed.ingest.frames > frames + 50)
        assert running.all_live()
        assert running.totals["dials"] == 2
    finally:
        redis_server.start()
    await until(lambda: running.feed.publisher.available, 20)
    assert running.feed.publisher.epoch != epoch
    symbols = set(running.feed.follower.symbols)
    await until(lambda: set(running.table("quotes")) == symbols)
    meta = running.table("meta")["feed"]
    assert meta == {"epoch": running.feed.publisher.epoch}
    await until(lambda: "feed" in running.table("feed"), 20)


async def test_orders_are_found_in_the_table_when_the_wake_up_is_lost(
    start, redis_server, rhythm
):
    rhythm.setattr(feed_module, "CONTROL_SECONDS", 0.2)
    running = await start()
    await running.live()
    redis_server.kill()
    try:
        assert await obeyed(await order("stop"), 30) == "stopped"
        assert running.feed.follower.client is None
    finally:
        redis_server.start()


async def test_a_stop_that_comes_while_orders_are_read_is_told_when_it_is_done(
    start, rhythm
):
    rhythm.setattr(feed_module, "CONTROL_SECONDS", 0.2)
    running = await start()
    await running.live()
    read, made = selectors.feed_desired, []

    def feed_desired(*, venue):
        found = read(venue=venue)
        if not made:
            made.append(
                services.feed_desire(venue=venue, desired="stopped", actor="alice")
            )
        return found

    rhythm.setattr(selectors, "feed_desired", feed_desired)
    await until(lambda: made)
    assert await obeyed(made[0]) == "stopped"
    assert running.feed.follower.client is None


async def test_book_and_trades_flow_while_somebody_looks_and_end_with_the_interest(
    start, simulator, bus, rhythm
):
    rhythm.setattr(feed_module, "CONTROL_SECONDS", 0.1)
    running = await start()
    await running.live()
    symbol = running.feed.follower.symbols[0]
    redis = running.feed._redis

    async def look(seconds):
        await services.interest_declare(
            redis, venue=VENUE, symbol=symbol, seconds=seconds,
            now_ms=time.time_ns() // 1_000_000,
        )  # fmt: skip

    def served():
        names = {n for c in simulator.hub.connections.values() for n in c.names}
        return {n for n in names if "depth20" in n or "aggTrade" in n}

    await look(30)
    topic = f"symbol:{symbol}"
    wanted = {"book", "trades", "kline:1m"}
    await until(lambda: set(running.table(topic)) == wanted, 20)
    assert len(running.table(topic)["book"]["bids"]) == 20
    assert len(served()) == 2
    bus.delete(services.interest_key(VENUE))
    await until(lambda: served() == set())
    assert running.all_live()


async def test_no_topic_a_page_may_ask_for_can_break_the_feed(start, bus, rhythm):
    rhythm.setattr(feed_module, "CONTROL_SECONDS", 0.1)
    running = await start()
    await running.live()
    junk = ["", "NO SUCH", "FOOUSDT", "A/B?C", "X" * 300, "BTCUSDT@", "币"]
    bus.zadd(services.interest_key(VENUE), dict.fromkeys(junk, time.time() * 2000))
    await until(lambda: set(junk) <= running.feed.publisher.watched)
    await obeyed(await order("reconnect", "none"))
    assert not running.task.done()
    assert running.all_live()


async def test_when_the_process_ends_everything_is_stored_and_told(running):
    await until(lambda: "feed" in running.table("feed"))
    await running.stop()
    kinds = [event.kind for event in await events()]
    assert kinds.count("stopped") == 2
    assert running.table("feed")["feed"]["state"] == "stopped"


async def test_it_ends_even_when_a_library_swallows_the_cancellation(
    start, monkeypatch
):
    """As asyncio's wait_for does inside redis-py, when the two meet."""
    busy = asyncio.Event()

    async def swallow(self):
        busy.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    with monkeypatch.context() as change:
        change.setattr(Feed, "_tell_status", swallow)
        running = await start()
        await until(busy.is_set)
    async with asyncio.timeout(10):
        await running.stop()


async def test_a_job_that_fails_in_an_unforeseen_way_ends_nothing(
    start, monkeypatch, caplog
):
    async def broken(self):
        raise KeyError("surprise")

    monkeypatch.setattr(feed_module.Upkeep, "audit_some", broken)
    monkeypatch.setattr(feed_module, "AUDIT_SECONDS", 0.1)
    running = await start()
    await running.live()
    await until(lambda: caplog.text.count("surprise") > 2)
    assert "failed in a way nobody thought of" in caplog.text
    assert not running.task.done()
    assert running.all_live()
