"""F25: after an outage old frames arrive late, or a hole stays in the candles."""

import asyncio

from tests.waiting import until


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
    await feed.has_every_bar()


async def test_bars_lost_on_the_way_are_fetched(feed):
    feed.arm("mute", stream="*@kline_1m", **{"for": 3.0})
    await asyncio.sleep(3.2)
    await feed.live()
    await feed.has_every_bar()
