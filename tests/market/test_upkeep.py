"""What is asked of the exchange depends on what is stored, by whomever."""

import pytest
from asgiref.sync import sync_to_async

from core.clock import SystemClock
from market import services
from market.config import MarketSettings
from market.domain.candles import MissingBars
from market.domain.state import MarketState
from market.models import Gap
from market.upkeep import Upkeep
from tests.market import frames

VENUE = "simulator"
NOW = frames.BASE_MS + 10 * frames.QUARTER_MS + 60_000
pytestmark = pytest.mark.usefixtures("database")


class Exchange:
    """Has no bar at all, and notes which are asked for."""

    def __init__(self):
        self.asked = []

    async def klines(self, symbol, interval, *, limit, start):
        self.asked.append((symbol, (start - frames.BASE_MS) // frames.QUARTER_MS))
        return b"[]"


class Told:
    watched: frozenset[str] = frozenset()

    def __init__(self):
        self.events = []

    def event(self, event):
        self.events.append(event)


@pytest.fixture
def exchange():
    return Exchange()


@pytest.fixture
def upkeep(exchange):
    told = Told()
    told.store = sync_to_async(services.CandleStore(VENUE).store)
    return Upkeep(
        venue=VENUE,
        clock=SystemClock(),
        market=MarketSettings(symbols=1, history_bars=10, intervals=("15m",)),
        rest=exchange,
        state=MarketState(),
        publisher=told,
        writer=told,
        now_ms=lambda: NOW,
    )


@sync_to_async
def stored(*numbers):
    store = services.CandleStore(VENUE)
    store.store([frames.candle("BTCUSDT", number) for number in numbers])


@sync_to_async
def not_to_be_had(first, last):
    at = [frames.BASE_MS + n * frames.QUARTER_MS for n in (first, last)]
    ranges = [MissingBars("BTCUSDT", "15m", *at)]
    services.gaps_open(venue=VENUE, ranges=ranges, cause="outage", now_ms=1)
    services.gaps_settle(venue=VENUE, ranges=ranges, now_ms=2)


async def test_what_the_exchange_does_not_have_is_not_asked_for_after_a_restart(
    upkeep, exchange
):
    await stored(0, 1, 2, 5, 6, 7, 8, 9)
    await not_to_be_had(3, 4)
    await upkeep.learn(["BTCUSDT"])
    await upkeep.fill_bars()
    assert exchange.asked == []


async def test_a_hole_that_nobody_settled_is_asked_for_after_a_restart(
    upkeep, exchange
):
    await stored(0, 1, 2, 5, 6, 7, 8, 9)
    await upkeep.learn(["BTCUSDT"])
    await upkeep.fill_bars()
    assert exchange.asked == [("BTCUSDT", 3)]


async def test_what_another_feed_has_stored_meanwhile_is_no_gap(upkeep, exchange):
    await stored(*range(5))
    await upkeep.learn(["BTCUSDT"])
    await stored(*range(5, 10))
    await upkeep.fill_bars()
    assert exchange.asked == []
    assert not await sync_to_async(Gap.objects.exists)()


async def test_what_follows_a_bar_that_is_still_missing_is_asked_for_too(
    upkeep, exchange
):
    await stored(*range(5))
    await upkeep.learn(["BTCUSDT"])
    await stored(6, 7, 8, 9)
    await upkeep.fill_bars()
    assert exchange.asked == [("BTCUSDT", 5)]
    gap = await sync_to_async(Gap.objects.get)()
    assert gap.missing == 5


async def test_a_gap_whose_bars_came_late_is_closed(upkeep, exchange):
    await stored(*range(9))
    await upkeep.learn(["BTCUSDT"])
    await upkeep.fill_bars()
    assert exchange.asked == [("BTCUSDT", 9)]
    gap = await sync_to_async(Gap.objects.get)()
    assert gap.state == "open"
    await stored(9)
    await upkeep.fill_bars()
    gap = await sync_to_async(Gap.objects.get)()
    assert (gap.state, gap.found) == ("filled", 1)
    assert exchange.asked == [("BTCUSDT", 9)]


async def test_a_gap_older_than_the_history_that_is_kept_stays_open(upkeep, exchange):
    await sync_to_async(services.gaps_open)(
        venue=VENUE,
        ranges=[MissingBars("BTCUSDT", "15m", *[frames.BASE_MS - 900_000] * 2)],
        cause="outage",
        now_ms=1,
    )
    await stored(*range(10))
    await upkeep.learn(["BTCUSDT"])
    await upkeep.fill_bars()
    gap = await sync_to_async(Gap.objects.get)()
    assert gap.state == "open"
