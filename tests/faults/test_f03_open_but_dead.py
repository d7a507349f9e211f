"""F03: the socket is open and answers pings, but its data stops."""

import pytest

from tests.faults.survival import SwiftClock
from tests.waiting import until

NAMES = ("btcusdt@kline_1m", "ethusdt@kline_1m", "solusdt@kline_1m")


async def test_silence_of_all_streams_replaces_the_socket(follow, simulator):
    followed = await follow(*NAMES, swift=20)
    opened = simulator.hub.opened
    number = followed.arm("mute", route="market")
    await followed.hears("silent", 3)
    lost = await followed.hears("disconnected")
    assert lost.error_type == "TIMEOUT"
    assert "silent" in lost.reason
    simulator.faults.disarm(number)
    await followed.hears("connected", 2)
    await followed.live()
    assert simulator.hub.opened > opened


class TestTheWholeFeed:
    """Minutes of silence pass in seconds."""

    @pytest.fixture
    def feed_clock(self):
        return SwiftClock(20.0)

    @pytest.fixture
    def feed_settings(self):
        return {}, {"ping_interval": 600, "pong_timeout": 300}

    async def test_nothing_is_missing_when_data_comes_back(self, feed, simulator):
        number = feed.arm("mute", route="market")
        await until(lambda: feed.losses() > 0)
        simulator.faults.disarm(number)
        await feed.live()
        await feed.has_everything()
