"""F24: more than 200 streams in a socket, or in a URL, are refused."""

import pytest


@pytest.fixture
def exchange_settings():
    return {"symbols": 140, "stream_limit": 200}


async def test_streams_are_spread_over_sockets_and_never_put_into_the_url(
    follow, simulator
):
    symbols = [symbol.lower for symbol in simulator.exchange.symbols]
    names = [f"{name}@markPrice@1s" for name in symbols]
    names += [f"{name}@miniTicker" for name in symbols]
    names += [f"{name}@bookTicker" for name in symbols]
    followed = await follow(*names)
    counts = [len(each.names) for each in simulator.hub.connections.values()]
    assert sum(counts) == len(names)
    assert max(counts) <= 200
    assert not followed.told("disconnected")
    for connection in followed.client.connections.values():
        assert "?" not in connection._url


class TestTheWholeFeed:
    @pytest.fixture
    def exchange_settings(self):
        return {"symbols": 4, "speed": 60, "stream_limit": 4}

    @pytest.fixture
    def feed_settings(self):
        return {}, {"streams_per_connection": 4}

    async def test_nothing_is_missing_over_many_small_sockets(self, feed):
        assert len(feed.connections()) > 2
        await feed.loses("rst")
        await feed.live()
        await feed.has_everything()
