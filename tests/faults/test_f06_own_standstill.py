"""F06: our own event loop stands still; the connections are well."""

import asyncio
import time

import pytest

from tests.waiting import until

BOTH = pytest.mark.parametrize("transport", ["picows", "websockets"])


@pytest.fixture
def exchange_settings():
    return {"symbols": 8}


@pytest.fixture
def names(simulator):
    return [f"{symbol.lower}@kline_1m" for symbol in simulator.exchange.symbols]


async def stand_still(seconds):
    time.sleep(seconds)  # noqa: ASYNC251 - just this


@BOTH
async def test_pongs_that_we_could_not_read_cost_no_connection(
    follow, simulator, names, transport
):
    followed = await follow(
        *names,
        transport=transport,
        streams_per_connection=2,
        ping_interval=1.2,
        pong_timeout=3.0,
    )
    connections = followed.client.connections.values()
    # Pongs come late, so that each connection waits for one most of the time.
    followed.arm("delay", seconds=0.8)
    await until(lambda: all(each.heartbeat._waiting for each in connections))
    await stand_still(3.0 + 1.2 + 0.8)
    told = await followed.hears("stalled")
    assert float(told.reason.split(" for ")[1].split(" s")[0]) > 3.5
    await asyncio.sleep(1.5)
    await followed.hears_data()
    assert not followed.told("disconnected")
    assert simulator.hub.opened == len(connections) == 4
    assert followed.all_live()
    assert followed.totals["loop_lag_ms"] > 3_500


@BOTH
async def test_what_we_could_not_hear_is_no_silence(follow, names, transport):
    """The minute that a stream may be quiet passes while nothing can be read."""
    followed = await follow(*names, transport=transport, swift=20)
    await stand_still(4.0)
    await followed.hears("stalled")
    await followed.hears_data()
    assert followed.all_live()
    assert not followed.told("silent")
    assert not followed.told("disconnected")
    followed.understood()


async def test_a_pong_that_is_missing_beyond_our_own_standstill_still_counts(
    follow, names
):
    followed = await follow(names[0], ping_interval=0.3, pong_timeout=0.5)
    followed.arm("no_pong")
    await asyncio.sleep(0.3)
    await stand_still(1.5)
    lost = await followed.hears("disconnected", seconds=3)
    assert lost.error_type == "TIMEOUT"
    assert "no pong" in lost.reason


async def test_nothing_is_missing_after_our_own_standstill(feed):
    await stand_still(2.5)
    assert await feed.told("stalled")
    await feed.has_everything()
    assert feed.losses() == 0
