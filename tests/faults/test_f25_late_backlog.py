"""F25: after an outage old frames arrive late, or a hole stays in the candles."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from market import live
from market.binance.rest import BinanceRestClient
from market.binance.urls import endpoints
from market.domain import state
from tests.waiting import eventually, until

# Values are late by the exchange's own clock, whatever ours says.
IN_REAL_TIME = pytest.mark.parametrize(
    "exchange_settings", [{"symbols": 4, "skew_ms": 40_000}]
)


@pytest.fixture
def _late_after_two_seconds(monkeypatch):
    monkeypatch.setattr(state, "LATE_MS", 2_000)


async def test_late_trades_are_taken_in_order_and_none_twice(follow):
    followed = await follow("btcusdt@aggTrade")
    followed.arm("backlog", seconds=2.0)
    await asyncio.sleep(2.2)
    seen = len(followed.trades)
    await until(lambda: len(followed.trades) > seen + 5)
    first, last = followed.trades[0], followed.trades[-1]
    assert followed.trades == list(range(first, last + 1))
    followed.understood()


async def test_late_bars_leave_no_hole_and_no_wrong_value(feed):
    feed.arm("backlog", route="market", seconds=3.0)
    await asyncio.sleep(3.2)
    await feed.live()
    await feed.has_everything()
    # This exchange's times run ahead of what we take for its clock.
    assert not feed.feed.state.counts.late


async def test_bars_lost_on_the_way_are_fetched(feed):
    feed.arm("mute", stream="*@kline_1m", **{"for": 3.0})
    await asyncio.sleep(3.2)
    await feed.live()
    await feed.has_everything()


@IN_REAL_TIME
@pytest.mark.usefixtures("_late_after_two_seconds")
async def test_what_was_long_on_its_way_is_marked_until_a_fresh_value_comes(
    follow, simulator
):
    followed = await follow("btcusdt@aggTrade", "btcusdt@bookTicker")
    rest = BinanceRestClient(
        endpoints("simulator", simulator.base_url), ca_file=str(simulator.ca_path)
    )
    await rest.initialize()
    followed.state.exchange_offset(rest.known_offset_ms)
    await rest.aclose()

    def late():
        followed.understood()
        return followed.state.quote_item("BTCUSDT").get("late", False)

    await followed.hears_data()
    assert not late()
    number = followed.arm("delay", seconds=3.0)
    await until(late)
    await until(lambda: late() and followed.state.counts.late["Trade"] > 3)
    assert followed.state.counts.late["Quote"] > 0
    followed.simulator.faults.disarm(number)
    await until(lambda: not late())
    counted = followed.state.counts.late.total()
    await followed.hears_data()
    assert not late()
    assert followed.state.counts.late.total() == counted
    first, last = followed.trades[0], followed.trades[-1]
    assert followed.trades == list(range(first, last + 1))
    assert not followed.told("disconnected")


@IN_REAL_TIME
@pytest.mark.usefixtures("_late_after_two_seconds")
async def test_pages_are_told_which_prices_came_late(feed):
    rows = sync_to_async(lambda: live.symbols("simulator")["symbols"])
    report = sync_to_async(lambda: live.feed("simulator") or {})

    def marked(rows):
        return [row["symbol"] for row in rows if row.get("late")]

    assert await eventually(report, lambda report: "late" in report)
    assert not marked(await rows())
    assert (await report())["late"] == 0
    number = feed.arm("delay", seconds=3.0)
    await eventually(rows, lambda rows: len(marked(rows)) == 3)
    assert await eventually(report, lambda report: report["late"] > 3)
    feed.simulator.faults.disarm(number)
    await eventually(rows, lambda rows: not marked(rows))
    assert feed.all_live()
