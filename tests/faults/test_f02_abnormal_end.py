"""F02: the connection is closed without the closing handshake, many times a day."""

import time

import pytest


@pytest.mark.parametrize("transport", ["picows", "websockets"])
@pytest.mark.parametrize("kind", ["fin", "rst"])
async def test_data_flows_again_within_a_second(follow, kind, transport):
    followed = await follow("btcusdt@bookTicker", transport=transport)
    start = time.monotonic()
    followed.arm(kind)
    lost = await followed.hears("disconnected")
    assert lost.error_type == "NETWORK"
    await followed.hears("connected", 2)
    # Within a second where nothing else is at work; the rest is for a busy machine.
    assert lost.delay_seconds < 1
    assert time.monotonic() - start < 5
    assert not followed.told("failed")


async def test_bars_that_closed_meanwhile_are_fetched(feed):
    feed.arm("handshake", answer="503B", **{"for": 2.0})
    await feed.loses("fin")
    await feed.live()
    await feed.has_every_bar()
