"""F08: the stream ends in the middle of a frame."""

import pytest


@pytest.mark.parametrize("transport", ["picows", "websockets"])
async def test_the_partial_message_is_dropped_and_the_socket_dialled_anew(
    follow, transport
):
    followed = await follow("btcusdt@depth20@100ms", transport=transport)
    followed.arm("half_frame")
    lost = await followed.hears("disconnected")
    assert lost.error_type == "NETWORK"
    await followed.hears("connected", 2)
    followed.understood()


async def test_nothing_is_missing_after_half_a_frame(feed):
    await feed.loses("half_frame", route="market")
    await feed.live()
    await feed.has_everything()
