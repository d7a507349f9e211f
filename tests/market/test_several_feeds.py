"""Two feeds of one venue in one process, on real parts."""

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async

from core import redis as core_redis
from core.models import Alert
from market import feed as feed_module
from market import live, selectors, services
from market import shares as shares_module
from market.binance.config import WsSettings
from market.feed import Feed
from market.models import Gap
from market.simulator.config import SimulatorSettings
from market.simulator.faults.fault import Fault
from market.simulator.server import running_simulator
from tests.market.test_feed import (
    Running,
    check_against_the_exchange,
    events,
    obeyed,
    order,
)
from tests.waiting import eventually, until

VENUE = "simulator"
LOOK_SECONDS = 0.05
# Longer than a busy machine lets a beat wait.
LEASE_SECONDS = 2.0
pytestmark = pytest.mark.usefixtures("database", "layer")


@pytest.fixture
async def simulator(tmp_path):
    """A minute of this exchange lasts a second."""
    chosen = SimulatorSettings(symbols=12, speed=60)
    async with running_simulator(chosen, tmp_path / "exchange") as running:
        yield running


@pytest.fixture
async def start(market, bus, monkeypatch):
    monkeypatch.setattr(feed_module, "BACKFILL_SECONDS", 0.3)
    monkeypatch.setattr(feed_module, "STATUS_SECONDS", 0.2)
    monkeypatch.setattr(feed_module, "CONTROL_SECONDS", 0.2)
    monkeypatch.setattr(feed_module, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(feed_module, "LEASE_SECONDS", LEASE_SECONDS)
    chosen = market.model_copy(update={"intervals": ("1m",), "symbols": 12})
    started = []

    async def start_feed(name):
        ws = WsSettings(reconnect_initial_delay=0.1, reconnect_jitter=0)
        running = Running(Feed(venue=VENUE, ws=ws, market=chosen, name=name), bus)
        started.append(running)
        return running

    yield start_feed
    for running in started:
        await running.stop()


@pytest.fixture
async def both(start):
    """Two feeds that have shared the symbols, both live."""
    first = await start("feed")
    await first.live()
    second = await start("feed-2")
    await until(lambda: settled(first, second))
    return first, second


def owned(running):
    return set(running.feed.follower.symbols)


def settled(first, second):
    mine, others = owned(first), owned(second)
    split = len(mine) + len(others) == 12 and not mine & others and others
    return split and first.all_live() and second.all_live()


def served(simulator):
    """How many connections serve each symbol's streams at the exchange."""
    names = [n for c in simulator.hub.connections.values() for n in c.names]
    return {n: names.count(n) for n in names if not n.startswith("!")}


async def no_gap_is_open():
    """Bars close all the time here: a row may be open for a moment."""
    rows = Gap.objects.exclude(state="filled")
    await eventually(sync_to_async(lambda: list(rows.all())), lambda found: not found)


class Overlap:
    """For how long streams were subscribed twice, as the exchange saw it.

    A machine that stands still between two looks lets no time pass.
    """

    def __init__(self, simulator):
        self._simulator = simulator
        self._since = {}
        self.longest = 0.0

    async def watch(self):
        now = 0.0
        looked_at = time.monotonic()
        while True:
            began, looked_at = looked_at, time.monotonic()
            now += min(looked_at - began, LOOK_SECONDS)
            twice = {n for n, times in served(self._simulator).items() if times > 1}
            self._since = {n: self._since.get(n, now) for n in twice}
            for since in self._since.values():
                self.longest = max(self.longest, now - since)
            await asyncio.sleep(0.02)


async def die(running):
    """As after kill -9: it shows life no more and says nothing."""

    async def silent():
        """Its sockets end with it; nothing else is done."""
        await running.feed.follower.stop()
        await running.feed._close()

    running.feed._end = silent
    await running.stop()


async def test_a_feed_that_joins_takes_its_part_and_no_bar_is_missed(start, simulator):
    overlap = Overlap(simulator)
    watcher = asyncio.create_task(overlap.watch())
    first = await start("feed")
    await first.live()
    second = await start("feed-2")
    await until(lambda: settled(first, second))
    await until(lambda: set(served(simulator).values()) == {1})
    watcher.cancel()
    # One lease, and the way to the exchange.
    assert 0 < overlap.longest < LEASE_SECONDS + 0.5
    for running in (first, second):
        for symbol in owned(running):
            await check_against_the_exchange(running, symbol)
    # At this speed a bar is due before its feed has stored it: then it is asked for.
    await no_gap_is_open()


async def test_pages_get_both_feeds_as_one(both, bus):
    first, second = both
    rows = await eventually(
        sync_to_async(lambda: live.connections(VENUE)),
        lambda found: (
            len(found["feed"]["feeds"]) == 2
            and found["totals"]["kline_streams_live"] == 12
            and found["feed"]["symbols"] == 12
        ),
    )
    ids = {row["id"] for row in rows["connections"]}
    assert ids == {"public-1", "market-1", "feed-2.public-1", "feed-2.market-1"}
    assert rows["totals"]["connections"] == 4
    assert rows["feed"]["symbols"] == 12
    assert [f["name"] for f in rows["feed"]["feeds"]] == ["feed", "feed-2"]
    assert sum(f["symbols"] for f in rows["feed"]["feeds"]) == 12
    symbols = owned(first) | owned(second)
    await until(lambda: set(first.table("quotes")) == symbols)
    await until(lambda: len(first.table("bars")) == 12)
    found = await sync_to_async(live.symbols)(VENUE)
    assert len(found["epoch"].split()) == 2


async def test_when_one_dies_the_other_takes_its_streams_and_the_ledger_names_it(
    both, simulator
):
    first, second = both
    lost = owned(first)
    before = second.feed._exchange_now()
    await die(first)
    await until(lambda: len(owned(second)) == 12 and second.all_live())
    assert second.feed.shares.leads
    await until(lambda: second.feed._exchange_now() > before + 8 * 60_000)
    for symbol in lost:
        await check_against_the_exchange(second, symbol)
    inherited = Gap.objects.filter(kind="kline", cause__contains="feed (process")
    gaps = await eventually(
        sync_to_async(lambda: list(inherited.all())),
        lambda rows: rows and all(row.state == "filled" for row in rows),
    )
    assert {gap.symbol for gap in gaps} >= lost
    await no_gap_is_open()
    await second.feed.writer.flush()
    (told,) = [event for event in await events() if event.kind == "taken_over"]
    assert told.connection == "feed"
    alert = await sync_to_async(Alert.objects.get)(key="feed-lost:simulator:feed")
    assert "took over" in alert.text
    assert alert.resolved_at is None
    report = (await sync_to_async(live.feed)(VENUE))["feeds"]
    assert [each["name"] for each in report] == ["feed-2"]


async def test_the_alert_of_a_lost_feed_ends_when_one_of_its_name_is_back(both, start):
    first, second = both
    await die(first)
    await until(lambda: len(owned(second)) == 12)
    again = await start("feed")
    await until(lambda: settled(again, second))
    await again.feed.writer.flush()
    lost = Alert.objects.filter(key="feed-lost:simulator:feed")
    alerts = await sync_to_async(list)(lost)
    assert alerts
    assert all(alert.resolved_at is not None for alert in alerts)


async def test_trades_that_passed_while_nobody_watched_are_fetched(both, simulator):
    first, second = both
    symbol = next(iter(owned(first)))
    redis = first.feed._redis

    async def look():
        await services.interest_declare(
            redis, venue=VENUE, symbol=symbol, seconds=60,
            now_ms=time.time_ns() // 1_000_000,
        )  # fmt: skip

    await look()
    topic = f"symbol:{symbol}"
    await until(lambda: "trades" in first.table(topic))
    muted = simulator.faults.arm(Fault(kind="mute", stream="*@aggTrade"))
    await asyncio.sleep(0.3)
    last = first.table(topic)["trades"]["items"][-1][0]

    async def newest():
        rows = await second.feed.rest.get(
            "/fapi/v1/aggTrades", weight=20, symbol=symbol, limit=1
        )
        return rows[0]["a"]

    await eventually(newest, lambda number: number > last + 2)
    redis = second.feed._redis
    await die(first)
    await until(lambda: symbol in owned(second))
    simulator.faults.disarm(muted)

    def tape():
        record = second.feed.state.records.get(symbol)
        return record and record.tapes.get(True)

    await until(lambda: tape() and tape().newest > last)
    await until(lambda: tape().missing == 0)
    assert tape().first == last
    rows = await eventually(
        sync_to_async(lambda: list(Gap.objects.filter(kind="aggTrade"))),
        lambda rows: rows and all(row.state == "filled" for row in rows),
    )
    assert [(row.symbol, row.first) for row in rows] == [(symbol, last + 1)]


async def test_one_that_ends_in_order_leaves_its_streams_at_once(both):
    first, second = both
    await first.stop()
    await until(lambda: len(owned(second)) == 12 and second.all_live())
    for symbol in owned(second):
        await check_against_the_exchange(second, symbol)


async def test_orders_reach_the_feed_that_has_to_obey(both, simulator):
    first, second = both
    connections = second.feed.follower.client.connections
    await until(lambda: "feed-2.public-1" in connections)
    connection = connections["feed-2.public-1"]
    result = await obeyed(await order("reconnect", "feed-2.public-1"))
    assert result == "reconnecting"
    await until(lambda: connection.reconnector.succeeded == 1)
    for unknown in ("feed-3.public-1", "feed-2.public-9", "public-9"):
        result = await obeyed(await order("reconnect", unknown))
        assert "no connection" in result
    assert await obeyed(await order("stop")) == "stopped"
    await until(lambda: simulator.connections == 0)
    assert await obeyed(await order("start")) == "started"
    await until(lambda: settled(first, second))


async def test_sockets_of_both_go_on_while_redis_is_dead_and_each_keeps_its_own(
    both, redis_server, bus
):
    first, second = both
    before = owned(first), owned(second)
    redis_server.kill()
    try:
        frames = second.feed.ingest.frames
        await until(lambda: not second.feed.publisher.available)
        await until(lambda: second.feed.ingest.frames > frames + 50)
        assert first.all_live()
        assert second.all_live()
    finally:
        redis_server.start()
    members = core_redis.key("leases", shares_module.job(VENUE), "members")
    await until(lambda: bus.zcard(members) == 2)
    assert (owned(first), owned(second)) == before
    await until(lambda: len(first.table("quotes")) == 12)


async def test_the_universe_is_chosen_by_one_and_read_by_the_other(both):
    first, second = both
    assert second.feed.follower.universe == first.feed.follower.universe
    assert second.feed.follower.outdated
    stored = await sync_to_async(selectors.instruments)(venue=VENUE)
    assert [row.symbol for row in stored] == first.feed.follower.universe


async def test_a_feed_that_cannot_serve_yet_takes_nothing_away(start, simulator):
    first = await start("feed")
    await first.live()
    streams = served(simulator)
    held = simulator.faults.arm(Fault(kind="rest", answer="hang", path="*/time"))
    second = await start("feed-2")
    members = second.feed.shares
    await until(lambda: len(members.members) == 2)
    await asyncio.sleep(2.5 * LEASE_SECONDS)
    assert served(simulator) == streams
    assert len(owned(first)) == 12
    assert first.all_live()
    simulator.faults.disarm(held)
    await until(lambda: settled(first, second))
