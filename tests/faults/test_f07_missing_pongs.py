"""F07: pongs are missed on every connection at once."""

import time

import pytest

from tests.waiting import until


@pytest.fixture
def exchange_settings():
    return {"symbols": 12}


async def test_one_goes_first_and_the_others_follow_when_its_data_flows(
    follow, simulator
):
    names = [f"{symbol.lower}@kline_1m" for symbol in simulator.exchange.symbols]
    followed = await follow(
        *names, streams_per_connection=2, ping_interval=0.4, pong_timeout=1.5
    )
    count = simulator.hub.opened
    number = followed.arm("no_pong")
    await followed.hears("disconnected", count)
    simulator.faults.disarm(number)
    assert {event.error_type for event in followed.told("disconnected")} == {"TIMEOUT"}
    await followed.hears("connected", 2 * count)
    await followed.live()
    opened = sorted(each.opened_at for each in simulator.hub.connections.values())
    assert len(opened) == count
    first_data = followed.told("connected")[count].at / 1000
    second = opened[1] - time.monotonic() + time.time()
    assert second > first_data - 0.005


class TestTheWholeFeed:
    @pytest.fixture
    def exchange_settings(self):
        return {"symbols": 4, "speed": 60}

    @pytest.fixture
    def feed_settings(self):
        return {}, {"ping_interval": 0.4, "pong_timeout": 1.5}

    async def test_nothing_is_missing_when_pongs_come_again(self, feed, simulator):
        number = feed.arm("no_pong")
        await until(lambda: feed.losses() >= len(feed.connections()) > 1)
        simulator.faults.disarm(number)
        await feed.live()
        await feed.has_everything()
