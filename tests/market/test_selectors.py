import pytest

from market import selectors, services
from market.domain.candles import MissingBars
from market.models import FeedCommand
from tests.market import frames
from tests.market.test_services import event

VENUE = "simulator"
pytestmark = pytest.mark.django_db


def opened(number, step=frames.QUARTER_MS):
    return frames.BASE_MS + number * step


@pytest.fixture
def bars():
    store = services.CandleStore(VENUE)
    store.store([frames.candle("BTCUSDT", n) for n in range(10)])
    store.store([frames.candle("ETHUSDT", n) for n in (0, 2, 3)])
    store.store([frames.candle("BTCUSDT", 0, interval="1h", step=3_600_000)])


def test_recent_bars_are_the_newest_oldest_first_in_the_rows_of_charts(bars):
    rows = selectors.bars_recent(venue=VENUE, symbol="BTCUSDT", interval="15m", limit=3)
    assert [row[0] for row in rows] == [opened(n) for n in (7, 8, 9)]
    assert rows[0][1:] == [1.5, 9.0, 0.5, 1.5, 10.0, 15.0, 2, True]


def test_an_unknown_series_has_no_bars(bars):
    for symbol, interval in (("XYZUSDT", "15m"), ("BTCUSDT", "4h")):
        assert (
            selectors.bars_recent(
                venue=VENUE, symbol=symbol, interval=interval, limit=3
            )
            == []
        )


def test_open_times_are_of_one_interval_and_in_order(bars):
    found = selectors.open_times_since(venue=VENUE, interval="15m", since=opened(2))
    assert found == {
        "BTCUSDT": [opened(n) for n in range(2, 10)],
        "ETHUSDT": [opened(2), opened(3)],
    }


def test_events_are_the_newest_or_those_after_an_id_oldest_first():
    ids = services.connection_events_store(
        venue=VENUE, events=[event(at) for at in range(10)]
    )
    services.connection_events_store(venue="binance", events=[event(99)])
    newest = selectors.connection_events(venue=VENUE, after=None, limit=3)
    assert [row["id"] for row in newest] == ids[-3:]
    after = selectors.connection_events(venue=VENUE, after=ids[3], limit=4)
    assert [row["id"] for row in after] == ids[4:8]
    assert selectors.connection_events(venue=VENUE, after=ids[-1], limit=4) == []
    assert set(newest[0]) == set(selectors.EVENT_FIELDS)


def test_the_feed_is_wanted_running_until_somebody_says_otherwise():
    assert selectors.feed_desired(venue=VENUE) == "running"
    services.feed_desire(venue=VENUE, desired="stopped", actor="alice")
    assert selectors.feed_desired(venue=VENUE) == "stopped"
    assert selectors.feed_desired(venue="binance") == "running"


def test_waiting_commands_come_oldest_first_and_recent_ones_newest_first():
    made = [
        services.feed_reconnect(venue=VENUE, connection=f"c{n}", actor="a").id
        for n in range(7)
    ]
    services.feed_command_acknowledge(command_id=made[0], result="reconnecting")
    waiting = selectors.feed_commands_waiting(venue=VENUE)
    assert [command.id for command in waiting] == made[1:]
    recent = selectors.feed_commands_recent(venue=VENUE)
    assert [row["id"] for row in recent] == made[:1:-1]
    (oldest,) = selectors.feed_commands_recent(venue=VENUE, limit=7)[-1:]
    assert oldest["result"] == "reconnecting"
    assert oldest["acknowledged_at"] >= oldest["requested_at"] > 1_700_000_000_000
    assert recent[0]["acknowledged_at"] is None


def test_a_command_that_does_not_exist_is_told():
    with pytest.raises(FeedCommand.DoesNotExist):
        selectors.feed_command(command_id=1)


def test_bars_that_the_exchange_does_not_have_are_named_by_their_open_times():
    ranges = [MissingBars("ETHUSDT", "15m", opened(1), opened(3))]
    services.gaps_open(venue=VENUE, ranges=ranges, cause="outage", now_ms=1)
    assert selectors.unfillable_since(venue=VENUE, interval="15m", since=0) == {}
    services.gaps_settle(venue=VENUE, ranges=ranges, now_ms=2)

    def absent(since, interval="15m"):
        return selectors.unfillable_since(venue=VENUE, interval=interval, since=since)

    assert absent(0) == {"ETHUSDT": [opened(1), opened(2), opened(3)]}
    assert absent(opened(2)) == {"ETHUSDT": [opened(2), opened(3)]}
    assert absent(opened(4)) == {}
    assert absent(0, "1h") == {}
