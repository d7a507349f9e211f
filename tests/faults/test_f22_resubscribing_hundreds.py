"""F22: resubscribing hundreds of streams at once is answered with 1008."""

import pytest


@pytest.fixture
def exchange_settings():
    return {"symbols": 140}


async def test_hundreds_of_streams_come_back_without_too_many_requests(
    follow, simulator
):
    symbols = [symbol.lower for symbol in simulator.exchange.symbols]
    names = [f"{name}@bookTicker" for name in symbols]
    names += [f"{name}@markPrice@1s" for name in symbols]
    names += [f"{name}@depth20@500ms" for name in symbols[:60]]
    followed = await follow(*names)
    opened = simulator.hub.opened
    followed.arm("close", code=1008, text="Too many requests")
    await followed.hears("connected", 2 * opened)
    await followed.live()
    assert simulator.hub.opened == 2 * opened
    assert len(followed.told("disconnected")) == opened


class TestTheWholeFeed:
    @pytest.fixture
    def exchange_settings(self):
        return {"symbols": 4, "speed": 60}

    async def test_nothing_is_missing_after_1008(self, feed):
        await feed.loses("close", code=1008, text="Too many requests")
        await feed.live()
        await feed.has_everything()
