"""F09: a burst larger than the queue; others lost the stream, the data or the memory."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from market.models import Gap
from tests.waiting import eventually, until

LIMIT = 100
BURST_SECONDS = 3.5
# Frames that one read of a socket may still bring after reading was paused.
ONE_READ = 64 * 1024 // 200
SYMBOLS = 20


@pytest.fixture
def exchange_settings():
    return {"symbols": SYMBOLS, "speed": 60}


@pytest.fixture
def feed_settings():
    market = {"book_source": "diff", "symbols": SYMBOLS}
    return market, {"queue_frames": LIMIT}


@sync_to_async
def trade_gaps(symbol):
    return list(Gap.objects.filter(kind="aggTrade", symbol=symbol))


async def test_a_burst_stops_reading_and_loses_no_bar_no_trade_and_no_diff(feed):
    symbols = feed.feed.follower.symbols
    await feed.watch(*symbols)
    await until(lambda: feed.report()["books"]["live"] == SYMBOLS)
    before = feed.report()
    assert before["most_waiting"] < LIMIT
    feed.arm("backlog", seconds=BURST_SECONDS)
    await asyncio.sleep(BURST_SECONDS)
    await until(lambda: feed.report()["pauses"] > before["pauses"] + 2)
    await feed.live()
    report = feed.report()
    assert report["most_waiting"] <= LIMIT + ONE_READ
    assert report["conflated"] > before["conflated"] + LIMIT
    assert (report["dropped"], report["decode_errors"]) == (0, 0)
    assert report["books"]["gaps"] == before["books"]["gaps"]
    records = feed.feed.state.records
    assert [records[symbol].tapes[True].missing for symbol in symbols] == [0] * SYMBOLS
    assert feed.feed.upkeep.trade_fill.filled == 0
    assert feed.losses() == 0
    await feed.has_everything()


async def test_trades_that_are_lost_on_the_way_all_the_same_are_rows_until_fetched(
    feed,
):
    symbol = feed.feed.follower.symbols[0]
    await feed.watch(symbol)
    tape = await eventually(
        lambda: asyncio.sleep(0.02, feed.feed.state.records[symbol].tapes.get(True)),
        lambda tape: tape is not None,
    )
    feed.arm("mute", stream=f"{symbol.lower()}@aggTrade", count=3)
    await until(lambda: tape.missing == 3)
    (gap,) = await eventually(
        lambda: trade_gaps(symbol), lambda rows: rows and rows[-1].state == "filled"
    )
    assert (gap.missing, gap.found) == (3, 3)
    assert tape.missing == 0
