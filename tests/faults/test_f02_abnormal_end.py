"""F02: the connection is closed without the closing handshake, many times a day."""

import pytest


@pytest.mark.parametrize("transport", ["picows", "websockets"])
@pytest.mark.parametrize("kind", ["fin", "rst"])
async def test_it_is_dialled_after_the_first_delay_and_data_flows_again(
    follow, kind, transport
):
    followed = await follow("btcusdt@bookTicker", transport=transport)
    followed.arm(kind)
    lost = await followed.hears("disconnected")
    assert lost.error_type == "NETWORK"
    assert lost.delay_seconds == 0.1
    await followed.hears("connected", 2)
    assert len(followed.told("disconnected")) == 1
    assert not followed.told("failed")


async def test_bars_that_closed_meanwhile_are_fetched(feed):
    feed.arm("handshake", answer="503B", **{"for": 2.0})
    await feed.loses("fin")
    await feed.live()
    await feed.has_everything()
