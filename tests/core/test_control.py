import asyncio

import pytest
from asgiref.sync import sync_to_async

from core import control
from core import redis as core_redis


@pytest.fixture
def layer(bus, settings, redis_server):
    """The real channel layer on the real Redis."""
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [redis_server.url], "prefix": "quantai:asgi"},
        }
    }


async def test_a_wake_up_reaches_the_worker_it_is_for(layer):
    waiting = asyncio.create_task(control.receive("feed-simulator"))
    await control.wake("feed-testnet", "other")
    await control.wake("feed-simulator", "reconnect")
    async with asyncio.timeout(5):
        message = await waiting
    assert message["reason"] == "reconnect"


async def test_a_wake_up_waits_for_a_worker_that_is_just_starting(layer):
    await control.wake("feed-simulator", "start")
    async with asyncio.timeout(5):
        assert (await control.receive("feed-simulator"))["reason"] == "start"


async def test_synchronous_code_can_wake_a_worker(layer):
    await sync_to_async(control.wake_sync, thread_sensitive=False)("feed-x", "stop")
    async with asyncio.timeout(5):
        assert (await control.receive("feed-x"))["reason"] == "stop"


async def test_more_wake_ups_than_fit_are_no_error_since_one_is_enough(layer):
    for _ in range(150):
        await control.wake("feed-simulator", "reconnect")
    async with asyncio.timeout(5):
        assert (await control.receive("feed-simulator"))["reason"] == "reconnect"


async def test_without_redis_the_caller_is_told(settings):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": ["unix:///nonexistent/redis.sock"]},
        }
    }
    with pytest.raises(core_redis.UNAVAILABLE):
        await control.wake("feed-simulator", "stop")
