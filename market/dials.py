"""The dial budget of this address, shared by all processes through Redis."""

import logging

from redis.asyncio import Redis as AsyncRedis

from core import redis as core_redis
from core.clock import Clock
from market.binance.dial import DialBudget

log = logging.getLogger(__name__)

# A sliding window in a sorted set; counting and taking must be one step.
_SCRIPT = """
local now, window, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= limit then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return math.max(1, math.ceil(tonumber(oldest[2]) + window - now))
end
redis.call('ZADD', KEYS[1], now, now .. '-' .. redis.call('INCR', KEYS[2]))
redis.call('PEXPIRE', KEYS[1], window)
return 0
"""


class SharedDialBucket:
    """At most ``limit`` dials per window of all processes; survives their restarts.

    Without Redis this process's own budget is used, so that sockets go on.
    """

    def __init__(
        self,
        redis: "AsyncRedis",
        venue: str,
        *,
        limit: int,
        window_seconds: float,
        clock: Clock,
        fallback: DialBudget,
    ) -> None:
        self._redis = redis
        self._keys = (
            core_redis.key("dials", venue),
            core_redis.key("dials", venue, "count"),
        )
        self._limit = limit
        self._window_ms = int(window_seconds * 1000)
        self._clock = clock
        self._fallback = fallback

    async def take(self) -> float:
        """See ``DialBudget.take``."""
        try:
            wait_ms = await self._redis.eval(
                _SCRIPT,
                2,
                *self._keys,
                self._clock.now_ms(),
                self._window_ms,
                self._limit,
            )
        except core_redis.UNAVAILABLE as error:
            log.warning("dial budget of this process only: %s", error)
            return await self._fallback.take()
        if int(wait_ms) > 0:
            return int(wait_ms) / 1000
        # This process counts its own dials too, for a Redis that goes away or forgets.
        return await self._fallback.take()
