"""F23: dials without pause end in a ban."""

import asyncio

from tests.waiting import until


async def test_a_socket_that_dies_at_once_is_dialled_ever_more_rarely(
    follow, simulator
):
    followed = await follow("btcusdt@bookTicker", reconnect_max_delay=60.0)
    opened = simulator.hub.opened
    number = followed.arm("rst", **{"for": 4.0})
    await asyncio.sleep(4.2)
    assert 3 <= simulator.hub.opened - opened <= 6
    assert followed.hits(number) <= 6
    delays = [event.delay_seconds for event in followed.told("disconnected")]
    assert delays == sorted(delays)
    assert followed.told("flapping")
    await followed.live()


async def test_nothing_is_missing_after_the_storm(feed):
    number = feed.arm("rst", **{"for": 3.0})
    await until(lambda: not active(feed, number))
    await feed.live()
    assert feed.losses() > 2
    await feed.has_everything()


def active(feed, number):
    (row,) = [each for each in feed.simulator.faults.listing() if each["id"] == number]
    return row["active"]
