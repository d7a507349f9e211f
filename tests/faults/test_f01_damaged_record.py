"""F01: ``DECRYPTION_FAILED_OR_BAD_RECORD_MAC`` in the middle of a stream."""

import pytest


@pytest.mark.parametrize("kind", ["tls_flip", "tls_duplicate", "tls_drop"])
@pytest.mark.parametrize("transport", ["picows", "websockets"])
async def test_the_session_is_dropped_as_an_ssl_error_and_dialled_anew(
    follow, kind, transport
):
    followed = await follow("btcusdt@kline_1m", transport=transport)
    followed.arm(kind)
    lost = await followed.hears("disconnected")
    assert lost.error_type == "SSL"
    assert "BAD_RECORD_MAC" in lost.reason
    await followed.hears("connected", 2)
    await followed.live()
    followed.understood()


async def test_no_bar_is_missing_after_damaged_records(feed):
    for _ in range(3):
        await feed.loses("tls_flip", route="market")
        await feed.live()
    assert feed.losses() == 3
    await feed.has_everything()
