"""F12: 418; asking on during a ban makes it longer."""

import asyncio

from tests.waiting import until


async def test_after_the_first_418_no_dial_comes_until_the_ban_ends(follow, simulator):
    followed = await follow("btcusdt@bookTicker", "btcusdt@kline_1m")
    number = followed.arm("ban", seconds=3)
    followed.arm("close", code=1008, text="Too many requests")
    await until(lambda: followed.hits(number) > 0)
    await asyncio.sleep(0.5)
    known = followed.hits(number)
    assert known <= 2  # one per connection, on its way before the other's answer
    await asyncio.sleep(1.5)
    assert followed.hits(number) == known
    await followed.live(8)
    assert followed.hits(number) == known


async def test_the_feed_asks_nothing_over_rest_either(feed):
    number = feed.arm("ban", seconds=3)
    await feed.loses("rst")
    hits = feed.simulator.faults.hits
    await until(lambda: hits(number) > 0)
    await asyncio.sleep(0.3)
    known = hits(number)
    assert known <= 3
    await asyncio.sleep(2)
    assert hits(number) == known
    await feed.live()
    assert hits(number) == known
    await feed.has_everything()
