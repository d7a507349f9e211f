"""F15: 451, a restricted location: trying again never helps."""

import asyncio

from market.binance.events import State
from tests.waiting import until


async def test_the_connection_is_fatal_and_dials_no_more_until_asked(follow, simulator):
    followed = await follow("btcusdt@bookTicker")
    number = followed.arm("handshake", answer="451")
    followed.arm("rst")
    told = await followed.hears("fatal")
    assert "restricted location" in told.reason
    refused = followed.told("disconnected")[-1]
    assert refused.reason in told.reason
    assert refused.delay_seconds is None
    (connection,) = followed.client.connections.values()
    assert connection.state is State.FATAL
    await asyncio.sleep(2)
    assert followed.hits(number) == 1
    simulator.faults.disarm(number)
    followed.client.reconnect(connection.id)
    await followed.live()


async def test_nothing_is_missing_once_somebody_asks_again(feed):
    number = feed.arm("handshake", answer="451")
    await feed.loses("rst", route="market")
    (dead,) = [each for each in feed.connections() if each.route == "market"]
    await until(lambda: dead.state is State.FATAL)
    await feed.has_every_bar()
    feed.simulator.faults.disarm(number)
    dead.reconnect()
    await feed.live()
    await feed.has_everything()
