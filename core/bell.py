"""Tells one waiting process that what it waits for has happened, through Redis.

A ring is kept for a minute, so it may come before somebody listens. What has happened
stands in the database: a lost ring costs a look, never an answer.
"""

from typing import Any, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from core.redis import key

KEPT_SECONDS = 60


def _key(name: str) -> str:
    return key("bell", name)


async def ring(redis: "AsyncRedis", name: str) -> None:
    """Ring; raises what redis-py raises when the server is away."""
    pipeline: Any = redis.pipeline(transaction=False)
    pipeline.rpush(_key(name), b"1")
    pipeline.expire(_key(name), KEPT_SECONDS)
    await pipeline.execute()


async def hear(redis: "AsyncRedis", name: str, seconds: float) -> bool:
    """Wait for a ring and take it; False when none came in time."""
    return await cast(Any, redis.blpop([_key(name)], timeout=seconds)) is not None


def hear_sync(redis: Redis, name: str, seconds: float) -> bool:
    """Wait for a ring from synchronous code."""
    return cast(Any, redis.blpop([_key(name)], timeout=seconds)) is not None
