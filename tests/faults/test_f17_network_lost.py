"""F17: the network is away for a while."""

from market.binance.events import State
from tests.waiting import until


async def test_dials_go_on_with_a_cap_and_data_comes_back(follow):
    followed = await follow("btcusdt@bookTicker", reconnect_max_retries=3)
    number = followed.arm("offline", **{"for": 3.0})
    (connection,) = followed.client.connections.values()
    await until(lambda: connection.state is State.FAILED)
    assert followed.told("failed")
    await followed.hears("connected", 2)
    await followed.live()
    assert 3 <= followed.hits(number) <= 10
    delays = [event.delay_seconds for event in followed.told("disconnected")]
    assert max(delays) <= 0.8


async def test_bars_that_closed_meanwhile_are_fetched(feed):
    feed.arm("offline", **{"for": 2.5})
    await until(lambda: not feed.all_live())
    await feed.live()
    await feed.has_everything()
