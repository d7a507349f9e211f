import logging

import pytest
from django.db import DatabaseError
from django.utils import timezone

from core import redis as core_redis
from core.errors import InvalidInput
from market import selectors, services
from market.binance.events import ConnectionEvent as Event
from market.models import Candle, ConnectionEvent, FeedControl, Instrument, Series
from tests.market import frames
from tests.market.test_universe import instrument

VENUE = "simulator"
pytestmark = pytest.mark.django_db


def event(at, connection="public-1", reason="lost", **changes):
    return Event(at, connection, "public", "disconnected", reason, **changes)


def test_candles_of_any_series_are_stored_and_found_again():
    store = services.CandleStore(VENUE)
    bars = [frames.candle(s, n) for s in ("BTCUSDT", "ETHUSDT") for n in range(3)]
    assert store.store(bars) == 6
    assert store.store(bars) == 6
    assert selectors.candle_count(venue=VENUE) == 6
    found = selectors.bars_recent(
        venue=VENUE, symbol="ETHUSDT", interval="15m", limit=2
    )
    assert [row[0] for row in found] == [frames.BASE_MS + n * 900_000 for n in (1, 2)]


def test_venues_keep_their_candles_apart():
    services.CandleStore("simulator").store([frames.candle("BTCUSDT", 0, close=2.0)])
    services.CandleStore("binance").store([frames.candle("BTCUSDT", 0, close=3.0)])
    assert Series.objects.count() == 2
    for venue, close in (("simulator", 2.0), ("binance", 3.0)):
        (row,) = selectors.bars_recent(
            venue=venue, symbol="BTCUSDT", interval="15m", limit=5
        )
        assert row[4] == close


@pytest.mark.django_db(transaction=True)
def test_after_a_failed_write_the_same_bars_can_be_stored():
    """A series made in a rolled-back transaction must not be taken as known."""
    store = services.CandleStore(VENUE)
    broken = frames.candle("BTCUSDT", 1, close=None)
    with pytest.raises(DatabaseError):
        store.store([frames.candle("BTCUSDT", 0), broken])
    assert Series.objects.count() == 0
    assert store.store([frames.candle("BTCUSDT", 0)]) == 1
    assert Candle.objects.get().series.symbol == "BTCUSDT"


def test_connection_events_get_growing_ids_in_their_order():
    ids = services.connection_events_store(
        venue=VENUE, events=[event(at, reason=f"r{at}") for at in (3, 1, 2)]
    )
    assert ids == sorted(ids)
    rows = ConnectionEvent.objects.order_by("id")
    assert [row.reason for row in rows] == ["r3", "r1", "r2"]


def test_a_long_reason_is_cut_and_not_refused():
    services.connection_events_store(venue=VENUE, events=[event(1, reason="x" * 9000)])
    assert len(ConnectionEvent.objects.get().reason) == services.EVENT_TEXT_LIMIT


def test_pruning_deletes_the_old_events_of_this_venue_only():
    for venue in (VENUE, "binance"):
        events = [event(at) for at in (10, 20, 30)]
        services.connection_events_store(venue=venue, events=events)
    assert services.connection_events_prune(venue=VENUE, before_ms=20) == 1
    assert ConnectionEvent.objects.filter(venue=VENUE).count() == 2
    assert ConnectionEvent.objects.filter(venue="binance").count() == 3


def store_instruments(*symbols, **changes):
    services.instruments_store(
        venue=VENUE,
        instruments=[instrument(symbol, **changes) for symbol in symbols],
        ranks={symbol: rank for rank, symbol in enumerate(symbols, 1)},
    )


def test_contracts_are_listed_by_rank_and_updated_in_place():
    store_instruments("BTCUSDT", "ETHUSDT")
    store_instruments("ETHUSDT", "BTCUSDT")
    assert [row.symbol for row in selectors.instruments(venue=VENUE)] == [
        "ETHUSDT",
        "BTCUSDT",
    ]
    assert Instrument.objects.count() == 2


def test_a_delisted_contract_is_no_longer_listed():
    store_instruments("BTCUSDT", "LUNAUSDT")
    store_instruments("BTCUSDT")
    assert [row.symbol for row in selectors.instruments(venue=VENUE)] == ["BTCUSDT"]
    assert Instrument.objects.filter(symbol="LUNAUSDT").exists()


def test_a_contract_of_another_venue_keeps_its_rank():
    services.instruments_store(
        venue="binance", instruments=[instrument("SOLUSDT")], ranks={"SOLUSDT": 1}
    )
    store_instruments("BTCUSDT")
    assert [row.symbol for row in selectors.instruments(venue="binance")] == ["SOLUSDT"]


@pytest.mark.parametrize(
    ("desired", "kind"), [("running", "start"), ("stopped", "stop")]
)
def test_a_wish_is_a_row_and_a_command_that_waits(desired, kind):
    command = services.feed_desire(venue=VENUE, desired=desired, actor="alice")
    assert selectors.feed_desired(venue=VENUE) == desired
    assert FeedControl.objects.get().changed_by == "alice"
    assert [c.id for c in selectors.feed_commands_waiting(venue=VENUE)] == [command.id]
    assert (command.kind, command.requested_by) == (kind, "alice")


def test_only_running_and_stopped_can_be_wished():
    with pytest.raises(InvalidInput):
        services.feed_desire(venue=VENUE, desired="paused", actor="alice")
    assert not FeedControl.objects.exists()


def test_a_command_is_acknowledged_once():
    command = services.feed_reconnect(venue=VENUE, connection="m-1", actor="alice")
    first = services.feed_command_acknowledge(command_id=command.id, result="done")
    again = services.feed_command_acknowledge(command_id=command.id, result="other")
    assert (first, again) == (True, False)
    command.refresh_from_db()
    assert command.result == "done"
    assert command.acknowledged_at <= timezone.now()
    assert selectors.feed_commands_waiting(venue=VENUE) == []


def test_the_feed_is_woken_after_the_commit_and_not_before(
    monkeypatch, django_capture_on_commit_callbacks
):
    woken = []
    monkeypatch.setattr(services.control, "wake_sync", lambda *what: woken.append(what))
    with django_capture_on_commit_callbacks(execute=True):
        services.feed_reconnect(venue=VENUE, connection="m-1", actor="alice")
        assert woken == []
    assert woken == [("feed-simulator", "reconnect")]


def test_without_redis_the_order_stands_and_the_loss_is_logged(
    settings, django_capture_on_commit_callbacks, caplog
):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": ["unix:///nonexistent/redis.sock"]},
        }
    }
    caplog.set_level(logging.WARNING)
    with django_capture_on_commit_callbacks(execute=True):
        services.feed_desire(venue=VENUE, desired="stopped", actor="alice")
    assert len(selectors.feed_commands_waiting(venue=VENUE)) == 1
    assert "feed not woken" in caplog.text


async def test_interest_lasts_as_long_as_the_longest_declaration(bus):
    redis = core_redis.client()
    for seconds in (30, 10):
        await services.interest_declare(
            redis, venue=VENUE, symbol="btcusdt", seconds=seconds, now_ms=1000
        )
    await redis.aclose()
    found = bus.zrange(services.interest_key(VENUE), 0, -1, withscores=True)
    assert found == [(b"BTCUSDT", 31_000.0)]
