"""Connections to the one Redis server (bus, snapshot, channel layer)."""

from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

PREFIX = "quantai:"
# What a caller sees when the server is away or answers nonsense.
UNAVAILABLE = (RedisError, OSError)


def key(*parts: str) -> str:
    """Return the name of a Redis key of this product."""
    return PREFIX + ":".join(parts)


def client(connections: int = 100) -> "AsyncRedis":
    """Return a new asynchronous client; close it with ``aclose()``.

    A client belongs to the event loop that first uses it; more commands at once than it
    may have ``connections`` fail.
    """
    return AsyncRedis.from_url(
        settings.QUANTAI.site.redis_url,
        socket_timeout=5,
        socket_connect_timeout=2,
        health_check_interval=15,
        max_connections=connections,
    )


def sync_client() -> Redis:
    """Return a new blocking client; close it with ``close()``."""
    return Redis.from_url(
        settings.QUANTAI.site.redis_url, socket_timeout=5, socket_connect_timeout=2
    )
