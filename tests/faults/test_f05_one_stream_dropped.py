"""F05: one stream is dropped inside a living connection, without any notice."""

import pytest

from tests.faults.survival import SwiftClock

NAMES = ("btcusdt@kline_1m", "ethusdt@kline_1m", "solusdt@kline_1m")


async def test_the_stream_that_is_no_longer_listed_is_subscribed_again(
    follow, simulator
):
    followed = await follow(*NAMES, swift=20)
    assert followed.hits(followed.arm("forget_stream", stream="eth*")) == 1
    assert "ethusdt@kline_1m" in (await followed.hears("silent")).reason
    assert "no longer lists" in (await followed.hears("lost")).reason
    await followed.live()
    assert not followed.told("disconnected")
    assert simulator.hub.opened == 1


async def test_a_listed_but_mute_stream_is_asked_for_again(follow, simulator):
    followed = await follow(*NAMES, swift=20)
    number = followed.arm("mute", stream="eth*")
    await followed.hears("resubscribed")
    simulator.faults.disarm(number)
    await followed.live()
    assert not followed.told("disconnected")


class TestTheWholeFeed:
    """Minutes of silence pass in seconds."""

    @pytest.fixture
    def feed_clock(self):
        return SwiftClock(20.0)

    @pytest.fixture
    def feed_settings(self):
        return {}, {"ping_interval": 600, "pong_timeout": 300}

    async def test_nothing_is_missing_of_streams_that_were_dropped(self, feed):
        feed.arm("forget_stream", stream="*@kline_1m")
        feed.arm("forget_stream", stream="*@aggTrade")
        assert await feed.told("lost")
        await feed.live()
        await feed.has_everything()
        assert feed.losses() == 0
