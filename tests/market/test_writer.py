import json

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection

from core import push
from core import redis as core_redis
from market import event_writer, selectors
from market.domain.state import MarketState
from market.models import ConnectionEvent
from market.publisher import Publisher
from market.writer import Writer
from tests.market import frames
from tests.market.test_services import event

VENUE = "simulator"
pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def writer(bus):
    redis = core_redis.client()
    yield Writer(VENUE, Publisher(redis, VENUE, "run", MarketState()))
    await redis.aclose()


@pytest.fixture
def heard(bus):
    subscription = bus.pubsub(ignore_subscribe_messages=True)
    subscription.subscribe(push.CHANNEL)
    subscription.get_message(timeout=5)
    yield lambda: push.parse(subscription.get_message(timeout=5)["data"])
    subscription.close()


@sync_to_async
def count():
    return selectors.candle_count(venue=VENUE), ConnectionEvent.objects.count()


@sync_to_async
def rename(before, after):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {before} RENAME TO {after}")


async def test_closed_bars_are_stored_at_the_next_flush_and_logged(writer, caplog):
    caplog.set_level("INFO")
    assert not writer.wanted.is_set()
    writer.candles([frames.candle("BTCUSDT", n) for n in range(3)])
    assert writer.wanted.is_set()
    await writer.flush()
    assert await count() == (3, 0)
    assert writer.stored == 3
    assert "📊 btcusdt 15m K线更新: close=1.5" in caplog.text
    await writer.flush()
    assert writer.stored == 3


async def test_events_get_a_row_first_and_are_pushed_with_their_ids_in_order(
    writer, heard
):
    for number in range(5):
        writer.event(event(1000 + number, reason=f"r{number}"))
    await writer.flush()
    message = heard()
    assert (message.topic, message.mode, message.seq) == ("events", "queue", 5)
    items = [json.loads(raw) for _, raw in message.items]
    rows = await sync_to_async(selectors.connection_events)(
        venue=VENUE, after=None, limit=9
    )
    assert items == rows
    assert [item["reason"] for item in items] == [f"r{n}" for n in range(5)]


async def test_what_the_database_refuses_now_is_stored_later_once(writer, heard):
    writer.candles([frames.candle("BTCUSDT", 0)])
    writer.event(event(1000))
    await rename("market_candle", "away")
    try:
        with pytest.raises(DatabaseError):
            await writer.flush()
        writer.candles([frames.candle("BTCUSDT", 1)])
    finally:
        await rename("away", "market_candle")
    await writer.flush()
    assert await count() == (2, 1)
    assert heard().seq == 1


async def test_without_redis_bars_and_events_are_stored_all_the_same(
    writer, redis_server
):
    redis_server.kill()
    try:
        writer.candles([frames.candle("BTCUSDT", 0)])
        writer.event(event(1000))
        await writer.flush()
    finally:
        redis_server.start()
    assert await count() == (1, 1)


async def test_events_do_not_pile_up_without_end_but_bars_are_never_dropped(
    writer, monkeypatch
):
    monkeypatch.setattr(event_writer, "EVENTS_KEPT", 10)
    for number in range(25):
        writer.event(event(number))
        writer.candles([frames.candle("BTCUSDT", number)])
    assert writer.events_dropped == 15
    await writer.flush()
    assert await count() == (25, 10)
