"""The silence that the exchange asked of this address, known to every process.

Redis tells the other processes at once, the database outlives Redis, and each process
keeps what it knows on its own monotonic clock.
"""

import logging
from typing import Any, Protocol

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from redis.asyncio import Redis as AsyncRedis

from core import redis as core_redis
from core.clock import Clock
from market import budget_rows
from market.binance.weights import Hold, Wait
from market.budget_rows import Remembered
from market.budget_scripts import SET_HOLD

log = logging.getLogger(__name__)


def hold_key(venue: str) -> str:
    """Return the Redis key of the hold; every script that spends looks at it."""
    return core_redis.key("address", venue, "hold")


class Memory(Protocol):
    """What outlives Redis; each raises ``django.db.Error``."""

    async def load(self) -> Remembered:
        """Return what is stored."""

    async def hold(self, until_ms: int, hold: Hold) -> None:
        """Store a hold that ends at ``until_ms`` of this machine's clock."""

    async def ended(self) -> None:
        """Requests go again after a hold."""

    async def ceiling(self, minute: int, ceiling: int) -> None:
        """Store that up to ``ceiling`` may have been used in ``minute``."""


class DatabaseMemory:
    """The row of one venue."""

    def __init__(self, venue: str) -> None:
        self._venue = venue

    async def load(self) -> Remembered:
        """See ``Memory``."""
        known: Remembered = await database_sync_to_async(budget_rows.remembered)(
            venue=self._venue
        )
        return known

    async def hold(self, until_ms: int, hold: Hold) -> None:
        """See ``Memory``."""
        await database_sync_to_async(budget_rows.hold_remember)(
            venue=self._venue,
            until_ms=until_ms,
            banned=hold.banned,
            reason=hold.reason,
        )

    async def ended(self) -> None:
        """See ``Memory``."""
        await database_sync_to_async(budget_rows.hold_ended)(venue=self._venue)

    async def ceiling(self, minute: int, ceiling: int) -> None:
        """See ``Memory``."""
        await database_sync_to_async(budget_rows.ceiling_remember)(
            venue=self._venue, minute=minute, ceiling=ceiling
        )


class AddressHold:
    """Whether this address must be silent; weights and dials ask the same one.

    Every process that learns of a hold tells Redis and the database; each also keeps
    it on its own monotonic clock, which nobody can set back.
    """

    def __init__(
        self,
        redis: "AsyncRedis",
        venue: str,
        *,
        clock: Clock,
        memory: Memory | None = None,
    ) -> None:
        self.redis = redis
        self.key = hold_key(venue)
        self.clock = clock
        self.memory = memory or DatabaseMemory(venue)
        self._set = redis.register_script(SET_HOLD)
        self._own: Hold | None = None
        self._own_until = 0.0
        self._end_untold = False

    def own(self) -> Wait | None:
        """Return the hold this process knows of."""
        left = self._own_until - self.clock.monotonic()
        return Wait(left, self._own) if left > 0 and self._own is not None else None

    async def begin(self, hold: Hold) -> None:
        """Be silent and tell everybody."""
        until_ms = self.clock.now_ms() + int(hold.seconds * 1000)
        self._keep(hold)
        try:
            banned = int(hold.banned)
            await self._set(keys=[self.key], args=[until_ms, banned, hold.reason])
        except core_redis.UNAVAILABLE as error:
            log.warning("Redis does not know of the hold: %s", error)
        try:
            await self.memory.hold(until_ms, hold)
        except DatabaseError as error:
            log.error("the database does not know of the hold: %s", error)

    def heard(self, until_ms: int, *, banned: bool, reason: str) -> Wait | None:
        """Keep what another process stored; ``until_ms`` by this machine's clock."""
        left = (until_ms - self.clock.now_ms()) / 1000
        if left > 0:
            self._keep(Hold(left, banned, reason))
        return self.own()

    def answer(self, reply: list[Any]) -> Wait:
        """Return the wait of a script's answer ``held``."""
        until, banned, reason = int(reply[1]), reply[2] == b"1", reply[3].decode()
        left = max(0.001, (until - self.clock.now_ms()) / 1000)
        self.heard(until, banned=banned, reason=reason)
        return Wait(left, Hold(left, banned, reason))

    async def load(self) -> Remembered:
        """Return what the database remembers and keep its hold; all zero if it fails."""
        try:
            known = await self.memory.load()
        except DatabaseError as error:
            log.error("the database does not tell of holds: %s", error)
            return Remembered()
        self._end_untold |= known.held_until > 0
        self.heard(known.held_until, banned=known.banned, reason=known.reason)
        return known

    async def seed(self) -> None:
        """Tell a Redis that knows nothing what the database knows."""
        known = await self.load()
        await self._set(
            keys=[self.key], args=[known.held_until, int(known.banned), known.reason]
        )

    def end_to_tell(self) -> bool:
        """Return True once when a hold is over, the first time after it is asked."""
        if not self._end_untold or self.own() is not None:
            return False
        self._end_untold = False
        return True

    def _keep(self, hold: Hold) -> None:
        self._end_untold = True
        until = self.clock.monotonic() + hold.seconds
        if until > self._own_until:
            self._own, self._own_until = hold, until
