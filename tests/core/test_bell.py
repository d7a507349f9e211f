"""Bells on a real Redis."""

import asyncio

from core import bell
from core import redis as core_redis


async def test_a_ring_before_and_while_somebody_listens_is_heard_once(bus):
    redis = core_redis.client()
    await bell.ring(redis, "x")
    assert await bell.hear(redis, "x", 0.5)
    waiting = asyncio.create_task(bell.hear(redis, "x", 5))
    await asyncio.sleep(0.05)
    other = core_redis.client()
    await bell.ring(other, "x")
    assert await waiting
    assert not await bell.hear(redis, "x", 0.05)
    await redis.aclose()
    await other.aclose()


def test_synchronous_code_hears_too_and_rings_do_not_stay_for_ever(bus):
    bus.rpush("quantai:bell:y", b"1")
    assert bell.hear_sync(bus, "y", 0.5)
    assert not bell.hear_sync(bus, "y", 0.05)


async def test_a_ring_nobody_hears_is_forgotten_after_a_minute(bus):
    redis = core_redis.client()
    await bell.ring(redis, "z")
    assert 0 < bus.ttl("quantai:bell:z") <= bell.KEPT_SECONDS
    await redis.aclose()
