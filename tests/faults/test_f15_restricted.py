"""F15: 451, a restricted location: trying again never helps."""

import asyncio

from market.binance.events import State


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
