import asyncio
import json
import threading

import pytest

from core import push, snapshot
from core import redis as core_redis
from market.binance.decode import decode
from market.domain.state import MarketState
from market.publisher import EVENTS, QUOTES, Publisher, symbol_topic
from tests.market import frames
from tests.waiting import until

VENUE = "simulator"


@pytest.fixture
async def redis(bus):
    client = core_redis.client()
    yield client
    await client.aclose()


@pytest.fixture
def state():
    return MarketState()


@pytest.fixture
async def publisher(redis, state):
    made = Publisher(redis, VENUE, "run", state)
    yield made
    await made.finish()


@pytest.fixture
def heard(bus):
    subscription = bus.pubsub(ignore_subscribe_messages=True)
    subscription.subscribe(push.CHANNEL)
    subscription.get_message(timeout=5)

    def messages():
        found = []
        while (message := subscription.get_message(timeout=0.1)) is not None:
            found.append(push.parse(message["data"]))
        return found

    yield messages
    subscription.close()


def apply(state, *raws):
    for raw in raws:
        for event in decode(raw):
            state.apply(event, 7)
    return state.drain_changes()


async def publish(publisher, state, *raws):
    publisher.offer(apply(state, *raws))
    await publisher.finish()


def quotes(bus):
    table = snapshot.read(bus, VENUE, QUOTES)
    return {name: json.loads(raw)["b"] for name, raw in table.items()}


async def test_snapshot_and_push_tell_the_same(publisher, state, bus, heard):
    await publish(publisher, state, frames.book_ticker("BTCUSDT", 7))
    (message,) = heard()
    assert (message.topic, message.seq, message.epoch) == ("quotes", 1, "run-1")
    table = snapshot.read(bus, VENUE, QUOTES)
    assert dict(message.items) == table
    assert quotes(bus) == {"BTCUSDT": 7.5}
    meta = json.loads(snapshot.read_one(bus, VENUE, "meta", "feed"))
    assert meta == {"epoch": "run-1"}
    assert publisher.available


async def test_later_only_what_changed_is_published(publisher, state, bus, heard):
    await publish(
        publisher, state, *(frames.book_ticker(s, 1) for s in ("AUSDT", "BUSDT"))
    )
    await publish(publisher, state, frames.book_ticker("BUSDT", 2))
    assert [sorted(k for k, _ in m.items) for m in heard()] == [
        ["AUSDT", "BUSDT"],
        ["BUSDT"],
    ]
    assert quotes(bus) == {"AUSDT": 1.5, "BUSDT": 2.5}


async def test_a_new_run_removes_what_the_old_one_left(redis, publisher, state, bus):
    old = MarketState()
    before = Publisher(redis, VENUE, "old", old)
    await publish(before, old, frames.book_ticker("GONEUSDT", 1))
    await publish(publisher, state, frames.book_ticker("BTCUSDT", 1))
    assert quotes(bus) == {"BTCUSDT": 1.5}


async def test_while_redis_is_slow_changes_collect_and_none_is_left_behind(
    publisher, state, bus
):
    await publish(publisher, state, frames.book_ticker("AUSDT", 1))
    bus.execute_command("CLIENT", "PAUSE", 10_000, "WRITE")
    before = publisher.published
    for number in range(2, 40):
        symbol = ("AUSDT", "BUSDT")[number % 2]
        publisher.offer(apply(state, frames.book_ticker(symbol, number)))
        await asyncio.sleep(0.001)
    bus.execute_command("CLIENT", "UNPAUSE")
    # nothing changes any more; the ticks go on
    for _ in range(3):
        await publisher.finish()
        publisher.offer(set())
    await publisher.finish()
    assert quotes(bus) == {"AUSDT": 38.5, "BUSDT": 39.5}
    assert publisher.published - before == 2


async def test_a_redis_that_was_killed_gets_the_whole_state_under_a_new_epoch(
    publisher, state, bus, redis_server, caplog
):
    await publish(publisher, state, frames.book_ticker("AUSDT", 1))
    redis_server.kill()
    try:
        publisher.offer(apply(state, frames.book_ticker("BUSDT", 1)))
        await until(lambda: not publisher.available, 20)
        await publisher.status("feed", [("feed", {})])
    finally:
        redis_server.start()
    assert "Redis is away" in caplog.text
    for _ in range(200):
        publisher.offer(set())
        await publisher.finish()
        if publisher.available:
            break
    assert quotes(bus) == {"AUSDT": 1.5, "BUSDT": 1.5}
    assert publisher.epoch != "run-1"
    meta = json.loads(snapshot.read_one(bus, VENUE, "meta", "feed"))
    assert meta == {"epoch": publisher.epoch}


@pytest.mark.parametrize("how", ["quotes", "status"])
async def test_a_redis_that_came_back_empty_unnoticed_is_filled_again(
    publisher, state, bus, how
):
    """A restart between two ticks is no error for a client that dials again."""
    await publish(
        publisher, state, *(frames.book_ticker(s, 1) for s in ("AUSDT", "BUSDT"))
    )
    bus.flushall()
    if how == "quotes":
        await publish(publisher, state, frames.book_ticker("BUSDT", 2))
    else:
        await publisher.status("feed", [("feed", {"state": "stopped"})])
    publisher.offer(set())
    await publisher.finish()
    assert set(quotes(bus)) == {"AUSDT", "BUSDT"}
    assert publisher.epoch == "run-2"


async def test_events_after_a_restart_of_redis_have_an_epoch_never_used_before(
    publisher, bus
):
    await publisher.events([("1", {"id": 1}), ("2", {"id": 2})])
    before, seq = push.queue_position(bus, EVENTS)
    assert seq == 2
    bus.flushall()
    await publisher.events([("3", {"id": 3})])
    after, seq = push.queue_position(bus, EVENTS)
    assert seq == 1
    assert after != before


async def test_a_reader_never_sees_a_status_table_half_written(publisher, bus):
    rows = [(f"market-{n}", {"state": "live"}) for n in range(20)]
    await publisher.status("connections", rows)
    seen, stop = set(), threading.Event()

    def read():
        with core_redis.sync_client() as client:
            while not stop.is_set():
                seen.add(len(snapshot.read(client, VENUE, "connections")))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(300):
        await publisher.status("connections", rows)
    stop.set()
    reader.join()
    assert seen == {20}


async def test_status_rows_carry_key_and_growing_number(publisher, bus, heard):
    for state in ("starting", "running"):
        await publisher.status("feed", [("feed", {"state": state})])
    items = [json.loads(m.items[0][1]) for m in heard()]
    numbers = [item.pop("n") for item in items]
    assert numbers[0] < numbers[1]
    assert items == [{"k": "feed", "state": s} for s in ("starting", "running")]
    items[-1]["n"] = numbers[-1]
    assert json.loads(snapshot.read_one(bus, VENUE, "feed", "feed")) == items[-1]


async def test_book_and_trades_are_published_of_watched_symbols_only(
    publisher, state, bus, heard
):
    interest = core_redis.key("interest", VENUE)
    bus.zadd(interest, {"BTCUSDT": 5000, "OLDUSDT": 900})
    assert await publisher.watch(1000, interest) == {"BTCUSDT"}
    raws = [frames.agg_trade(s, 1) for s in ("BTCUSDT", "ETHUSDT")]
    await publish(publisher, state, *raws)
    topics = {m.topic for m in heard()}
    assert topics == {"quotes", symbol_topic("BTCUSDT")}
    name = core_redis.key("state", VENUE, symbol_topic("BTCUSDT"))
    assert 0 < bus.ttl(name) <= 120
    (trades,) = snapshot.read(bus, VENUE, symbol_topic("BTCUSDT")).values()
    assert json.loads(trades)["items"] == [[1, frames.BASE_MS + 1, 1.5, 2.0, False]]
    assert bus.zcard(interest) == 1


async def test_the_last_trades_of_a_watched_symbol_are_there_for_who_goes_on(
    publisher, state
):
    publisher.watched = {"AUSDT"}
    assert await publisher.last_trades("AUSDT") == []
    trades = [frames.agg_trade("AUSDT", number) for number in (3, 4, 7)]
    await publish(publisher, state, *trades)
    assert [number for number, _ in await publisher.last_trades("AUSDT")] == [3, 4, 7]


async def test_of_a_watched_symbol_only_changed_items_are_sent_again(
    publisher, state, heard
):
    publisher.watched = {"BTCUSDT"}
    await publish(
        publisher,
        state,
        frames.agg_trade("BTCUSDT", 1),
        frames.kline("BTCUSDT", 0, closed=False),
    )
    await publish(publisher, state, frames.agg_trade("BTCUSDT", 2))
    sent = [sorted(key for key, _ in m.items) for m in heard() if m.topic != "quotes"]
    assert sent == [["kline:15m", "trades"], ["trades"]]


async def test_somebody_who_looks_again_gets_everything_again(
    publisher, state, bus, heard
):
    interest = core_redis.key("interest", VENUE)
    frame = frames.kline("BTCUSDT", 0, closed=False)
    bus.zadd(interest, {"BTCUSDT": 5000})
    await publisher.watch(1000, interest)
    await publish(publisher, state, frame, frames.agg_trade("BTCUSDT", 1))
    assert await publisher.watch(6000, interest) == set()
    bus.zadd(interest, {"BTCUSDT": 9000})
    await publisher.watch(7000, interest)
    heard()
    await publish(publisher, state, frames.agg_trade("BTCUSDT", 2))
    (message,) = [m for m in heard() if m.topic != "quotes"]
    assert sorted(key for key, _ in message.items) == ["kline:15m", "trades"]


async def test_unfinished_bars_are_readable_per_series(publisher, state, bus):
    apply(state, frames.kline("BTCUSDT", 0, closed=False, close="2.5"))
    await publisher.bars()
    table = snapshot.read(bus, VENUE, "bars")
    row = json.loads(table["BTCUSDT:15m"])
    assert (row[0], row[4], row[8]) == (frames.BASE_MS, 2.5, False)


async def test_without_interest_known_the_last_one_stays_while_redis_is_away(
    publisher, bus, redis_server
):
    interest = core_redis.key("interest", VENUE)
    bus.zadd(interest, {"BTCUSDT": 5000})
    await publisher.watch(1000, interest)
    redis_server.kill()
    try:
        assert await publisher.watch(2000, interest) == {"BTCUSDT"}
    finally:
        redis_server.start()
