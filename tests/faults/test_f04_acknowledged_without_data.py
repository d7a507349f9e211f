"""F04: subscriptions are acknowledged and stay without data."""

import asyncio

import pytest

from tests.faults.survival import SwiftClock
from tests.waiting import until

NAMES = ("btcusdt@kline_1m", "ethusdt@kline_1m")


async def test_a_stream_without_a_first_frame_is_told_and_asked_for_again(
    follow, simulator
):
    followed = await follow(*NAMES, swift=20)
    number = followed.arm("ack_without_data", stream="xrpusdt@*")
    followed.client.subscribe(["xrpusdt@kline_1m"])
    silent = await followed.hears("silent")
    assert "acknowledged but no first frame" in silent.reason
    assert "wrong route" in silent.reason
    assert followed.totals["streams_silent"] == 1
    assert followed.totals["streams_live"] == 2
    simulator.faults.disarm(number)
    await followed.hears("resubscribed")
    await followed.live()
    assert not followed.told("disconnected")


def carriers(followed, name):
    """The classes on which a stream is subscribed."""
    return {
        connection.route.value
        for connection in followed.client.connections.values()
        if name.encode() in connection.session.streams
    }


def expected(followed):
    return followed.totals["streams_expected"]


async def test_a_stream_that_the_exchange_moved_is_found_and_followed_there(
    follow, simulator
):
    name = "xrpusdt@kline_1m"
    followed = await follow(*NAMES, swift=20)
    followed.arm("move_stream", stream="xrpusdt@*")
    followed.client.subscribe([name])
    rerouted = await followed.hears("rerouted")
    assert name in rerouted.reason
    assert "no data on market" in rerouted.reason
    assert "data on public" in rerouted.reason
    assert "moved" in rerouted.reason
    assert (rerouted.route, rerouted.connection) == ("public", "public-1")
    await followed.live()
    assert expected(followed) == 3
    assert followed.totals["kline_streams_live"] == 3
    assert carriers(followed, name) == {"public"}
    served = simulator.hub.connections.values()
    await until(lambda: [c.route for c in served if name in c.names] == ["public"])
    followed.understood()
    assert "XRPUSDT" in followed.state.records

    # It stays there: over a lost connection, and when it is followed anew.
    followed.arm("rst", route="public")
    await followed.hears("disconnected")
    await followed.live()
    assert carriers(followed, name) == {"public"}
    followed.client.unsubscribe([name])
    assert carriers(followed, name) == set()
    followed.client.subscribe([name])
    await followed.live()
    assert carriers(followed, name) == {"public"}
    assert len(followed.told("rerouted")) == 1
    assert not followed.told("astray")


async def test_a_stream_that_is_nowhere_is_tried_once_and_told(follow):
    name = "xrpusdt@kline_1m"
    followed = await follow(*NAMES, swift=20)
    number = followed.arm("ack_without_data", stream="xrpusdt@*")
    followed.client.subscribe([name])
    await until(lambda: carriers(followed, name) == {"market", "public"})
    assert expected(followed) == 3
    astray = await followed.hears("astray")
    assert name in astray.reason
    assert "no data on market, where it should be" in astray.reason
    assert "none on public" in astray.reason
    assert astray.route == "market"
    assert carriers(followed, name) == {"market"}
    assert {c.route.value for c in followed.client.connections.values()} == {"market"}
    # Asked again at home meanwhile, for long: no second trial.
    count = len(followed.told("resubscribed"))
    await followed.hears("resubscribed", count + 1)
    await asyncio.sleep(0.6)
    assert carriers(followed, name) == {"market"}
    assert len(followed.told("astray")) == 1
    assert expected(followed) == 3
    followed.simulator.faults.disarm(number)
    await followed.live()
    assert not followed.told("rerouted")


async def test_a_stream_that_speaks_at_home_after_all_stays_there(follow):
    name = "xrpusdt@kline_1m"
    followed = await follow(*NAMES, swift=12)
    followed.arm("ack_without_data", stream="xrpusdt@*", count=2)
    followed.client.subscribe([name])
    await until(lambda: carriers(followed, name) == {"market", "public"})
    followed.client.reconnect("market-1")
    await followed.live()
    await until(lambda: carriers(followed, name) == {"market"})
    assert not followed.told("rerouted")
    assert not followed.told("astray")


async def test_when_a_whole_class_moved_every_stream_of_it_is_found(follow):
    """Nothing flows any more, and connections are replaced for their silence."""
    followed = await follow(*NAMES, "solusdt@kline_1m", swift=20)
    followed.arm("move_stream", stream="*@kline_*")
    followed.client.reconnect("market-1")
    await followed.hears("rerouted", 3)
    await followed.live()
    assert expected(followed) == 3
    assert {c.route.value for c in followed.client.connections.values()} == {"public"}
    assert not followed.told("astray")


class TestTheWholeFeed:
    """Minutes of silence pass in seconds."""

    @pytest.fixture
    def feed_clock(self):
        return SwiftClock(20.0)

    @pytest.fixture
    def feed_settings(self):
        return {}, {"ping_interval": 600, "pong_timeout": 300}

    async def test_bars_of_silent_streams_are_fetched_and_nothing_is_missing(
        self, feed, simulator
    ):
        number = feed.arm("ack_without_data", stream="*@kline_1m")
        await feed.loses("rst", route="market")
        assert await feed.told("silent")
        await feed.has_every_bar()
        assert not feed.all_live()
        simulator.faults.disarm(number)
        await feed.live()
        await feed.has_everything()
