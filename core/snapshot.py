"""Newest state per key across processes, in Redis hashes.

Each field is written by one process (a feed) before it publishes, and read by web,
trader and commands. It can always be rebuilt from the exchange and is never the only copy.
"""

from collections.abc import Iterable
from typing import Any, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from core.redis import key


def stage(
    pipeline: Any, venue: str, table: str, items: Iterable[tuple[str, bytes]]
) -> None:
    """Queue the writes of (field, JSON) pairs on a Redis pipeline."""
    mapping = dict(items)
    if mapping:
        pipeline.hset(key("state", venue, table), mapping=mapping)


def stage_replace(
    pipeline: Any, venue: str, table: str, items: Iterable[tuple[str, bytes]]
) -> None:
    """Queue writes after which the table holds these items only."""
    pipeline.delete(key("state", venue, table))
    stage(pipeline, venue, table, items)


def stage_remove(pipeline: Any, venue: str, table: str, names: Iterable[str]) -> None:
    """Queue the removal of fields."""
    fields = list(names)
    if fields:
        pipeline.hdel(key("state", venue, table), *fields)


def stage_read_one(pipeline: Any, venue: str, table: str, field: str) -> None:
    """Queue the reading of one field; its answer is the field or None."""
    pipeline.hget(key("state", venue, table), field)


def read(redis: Redis, venue: str, table: str) -> dict[str, bytes]:
    """Return all fields of a table."""
    found: dict[bytes, bytes] = cast(Any, redis.hgetall(key("state", venue, table)))
    return {name.decode(): value for name, value in found.items()}


async def read_async(redis: "AsyncRedis", venue: str, table: str) -> dict[str, bytes]:
    """Return all fields of a table, inside an event loop."""
    found = await cast(Any, redis.hgetall(key("state", venue, table)))
    return {name.decode(): value for name, value in found.items()}


async def names(redis: "AsyncRedis", venue: str, table: str) -> set[str]:
    """Return the names of the fields of a table."""
    found = await cast(Any, redis.hkeys(key("state", venue, table)))
    return {name.decode() for name in found}


def read_one(redis: Redis, venue: str, table: str, field: str) -> bytes | None:
    """Return one field, or None."""
    return cast(bytes | None, redis.hget(key("state", venue, table), field))
