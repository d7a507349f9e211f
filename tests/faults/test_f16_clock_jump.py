"""F16: the exchange's clock and ours part (a jump, a machine that slept)."""

import pytest

from market.binance.rest import BinanceRestClient
from market.binance.urls import endpoints


@pytest.fixture
def exchange_settings():
    return {"symbols": 2}


@pytest.fixture
async def rest(simulator):
    client = BinanceRestClient(
        endpoints("simulator", simulator.base_url), ca_file=str(simulator.ca_path)
    )
    await client.initialize()
    yield client
    await client.aclose()


async def test_a_refused_time_is_answered_by_learning_the_clock_once(rest, follow):
    followed = await follow("btcusdt@bookTicker")
    assert abs(rest.time_offset_ms) < 500
    followed.arm("clock_jump", milliseconds=45_000)
    number = followed.arm("rest", answer="-1021", path="/fapi/v1/klines", count=1)
    parameters = {"symbol": "BTCUSDT", "interval": "1m", "limit": 2}
    rows = await rest.get("/fapi/v1/klines", weight=1, **parameters)
    assert len(rows) == 2
    assert followed.hits(number) == 1
    assert abs(rest.time_offset_ms - 45_000) < 500


class TestTheWholeFeed:
    @pytest.fixture
    def exchange_settings(self):
        return {"symbols": 4, "speed": 60}

    async def test_nothing_is_missing_when_the_clock_jumps(self, feed):
        feed.arm("clock_jump", milliseconds=-45_000)
        feed.arm("rest", answer="-1021", path="/fapi/v1/klines", count=1)
        await feed.loses("rst")
        await feed.live()
        await feed.has_everything()
