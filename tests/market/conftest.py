"""Real parts around the market app: exchange, channel layer, database."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from core import redis as core_redis
from market.binance.decode import decode
from market.domain.state import MarketState
from market.publisher import Publisher
from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator


@pytest.fixture
def layer(bus, settings, redis_server):
    """The product's channel layer on the real Redis."""
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {
                "hosts": [{"address": redis_server.url, "socket_timeout": 15}],
                "prefix": "quantai:asgi",
            },
        }
    }


@pytest.fixture
async def database(transactional_db):
    """A database that other threads see; their connections end with the test."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
async def simulator(tmp_path):
    """An exchange of five symbols over TLS."""
    chosen = SimulatorSettings(symbols=5)
    async with running_simulator(chosen, tmp_path / "exchange") as running:
        yield running


@pytest.fixture
def market(simulator, settings):
    """Market settings that point at the simulator, also in ``settings.QUANTAI``."""
    chosen = settings.QUANTAI.market.model_copy(
        update={
            "symbols": 3,
            "history_bars": 20,
            "simulator_url": simulator.base_url,
            "simulator_ca": str(simulator.ca_path),
        }
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"market": chosen})
    return chosen


@pytest.fixture
def publish(bus):
    """Write state as the feed does."""

    def write(*raws, statuses=()):
        async def run():
            redis = core_redis.client()
            state = MarketState()
            for raw in raws:
                for event in decode(raw):
                    state.apply(event, 7)
            publisher = Publisher(redis, "simulator", "run", state)
            publisher.watched = {"BTCUSDT"}
            publisher.offer(state.drain_changes())
            await publisher.finish()
            await publisher.bars()
            for topic, items in statuses:
                await publisher.status(topic, items)
            await redis.aclose()

        asyncio.run(run())

    return write
