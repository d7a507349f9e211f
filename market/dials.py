"""The dial budget of this address, shared by all processes through Redis."""

import logging

from redis.asyncio import Redis as AsyncRedis

from core import redis as core_redis
from core.clock import Clock
from market.address_hold import AddressHold, hold_key
from market.binance.dial import DialBudget, silence_of
from market.binance.failures import HandshakeRefused
from market.budget_scripts import HOLD_CHECK

log = logging.getLogger(__name__)

# Redis forgets the hold between two questions only when it is restarted just then.
SEED_AGAIN_SECONDS = 1.0

# A sliding window in a sorted set; looking at the hold, counting and taking must be
# one step.
_SCRIPT = (
    HOLD_CHECK
    + """
if ARGV[4] == '1' then
  local silence = held(KEYS[3], ARGV[1])
  if silence then return silence end
end
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
)


class SharedDialBucket:
    """At most ``limit`` dials per window of all processes; survives their restarts.

    Nobody dials while ``address`` must be silent. Without Redis this process's own
    budget is used, so that sockets go on.
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
        address: AddressHold | None = None,
    ) -> None:
        self._redis = redis
        self._keys = (
            core_redis.key("dials", venue),
            core_redis.key("dials", venue, "count"),
            hold_key(venue),
        )
        self._address = address
        self._limit = limit
        self._window_ms = int(window_seconds * 1000)
        self._clock = clock
        self._fallback = fallback

    async def take(self) -> float:
        """See ``DialBudget.take``."""
        silent = self._address.own() if self._address is not None else None
        if silent is not None:
            return silent.seconds
        try:
            wait = await self._ask()
        except core_redis.UNAVAILABLE as error:
            log.warning("dial budget of this process only: %s", error)
            return await self._take_alone()
        # This process counts its own dials too, for a Redis that goes away or forgets.
        return wait if wait > 0 else await self._fallback.take()

    async def refused(self, error: HandshakeRefused) -> None:
        """See ``DialBudget.refused``: no process dials or asks until it ends."""
        hold = silence_of(error, self._clock)
        if self._address is None or hold is None:
            await self._fallback.refused(error)
            return
        log.error("nothing is sent for %.0f s: %s", hold.seconds, hold.reason)
        await self._address.begin(hold)

    async def _ask(self) -> float:
        """Ask all processes' window, once more when Redis has lost the hold."""
        for _ in range(2):
            reply = await self._redis.eval(
                _SCRIPT,
                len(self._keys),
                *self._keys,
                self._clock.now_ms(),
                self._window_ms,
                self._limit,
                int(self._address is not None),
            )
            if not isinstance(reply, list):
                return int(reply) / 1000
            assert self._address is not None
            if reply[0] == b"held":
                return self._address.answer(reply).seconds
            await self._address.seed()
        return SEED_AGAIN_SECONDS

    async def _take_alone(self) -> float:
        if self._address is not None:
            await self._address.load()
            silent = self._address.own()
            if silent is not None:
                return silent.seconds
        return await self._fallback.take()
