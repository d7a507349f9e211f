"""The weight budget of this address, shared by all processes through Redis.

Redis holds the minute's ledger, so that every process sees every request; the
database holds what must outlive Redis: the hold (ban or back-off) and a ceiling of
the weight used in this minute. Without Redis each process goes on with a small share
of its own and reads the hold from the database before every request.

Why nothing is ever sent above the limit: a minute begins ``GUARD_MS`` late here, never
before the exchange's; a request without an answer when the minute turns, or answered
within ``GUARD_MS`` around that moment, is counted in both minutes.
"""

import asyncio
import itertools
import logging
import uuid
from collections.abc import Coroutine
from typing import Any

from django.db import Error as DatabaseError

from core import redis as core_redis
from market.address_hold import AddressHold
from market.binance.weights import (
    CLOCK_WRONG_MINUTES,
    GUARD_MS,
    LIFETIME_MS,
    MINUTE_MS,
    OWN_SHARE,
    Hold,
    Leave,
    OwnBudget,
    Wait,
    usable,
)
from market.budget_scripts import SEED, SETTLE, TAKE
from market.scripts import ScriptLine

log = logging.getLogger(__name__)

# The ceiling in the database is this part of the limit ahead of what is used.
CEILING_STEP = 0.1
REDIS_RETRY_SECONDS = 1.0


class SharedWeightBudget:
    """See ``WeightBudget``; ``aclose`` waits for what is being stored."""

    def __init__(self, hold: AddressHold, venue: str) -> None:
        self.address = hold
        self._clock = hold.clock
        self._ledger = core_redis.key("address", venue, "weight")
        self._flights = core_redis.key("address", venue, "flights")
        self._line = ScriptLine(hold.redis)
        self._process = uuid.uuid4().hex
        self._numbers = itertools.count()
        self._alone = OwnBudget(self._clock, OWN_SHARE)
        self._spent_alone: tuple[int, int] = (0, 0)
        self._seen: tuple[int, int] = (0, 0)
        self._merged = False
        self._redis_again = 0.0
        self._storing: set[asyncio.Task[None]] = set()

    async def take(
        self, weight: int, *, now_ms: int, limit: int, cancel: bool = False
    ) -> Leave | Wait:
        """See ``WeightBudget``."""
        known = self.address.own()
        if known is not None:
            return known
        if self._clock.monotonic() >= self._redis_again:
            try:
                return await self._take_shared(weight, now_ms, limit, cancel=cancel)
            except core_redis.UNAVAILABLE as error:
                self._lose(error)
        await self.address.load()
        known = self.address.own()
        if known is not None:
            return known
        return await self._take_alone(weight, now_ms, limit, cancel=cancel)

    async def settle(self, leave: Leave, used: int | None, *, now_ms: int) -> None:
        """See ``WeightBudget``."""
        if leave.id.isdecimal():  # given by this process alone
            await self._alone.settle(leave, None, now_ms=now_ms)
            self._seen = max(self._seen, (leave.minute, used or 0))
            return
        told = -1 if used is None else used
        try:
            await self._line.ask(
                SETTLE,
                keys=[self._ledger, self._flights],
                args=[now_ms, GUARD_MS, leave.id, leave.minute, told],
            )
        except core_redis.UNAVAILABLE as error:
            self._lose(error)

    async def hold(self, hold: Hold) -> None:
        """See ``WeightBudget``."""
        await self.address.begin(hold)

    async def aclose(self) -> None:
        """Wait until what is being stored is stored."""
        await asyncio.gather(*self._storing)

    # -- with Redis -------------------------------------------------------------

    async def _take_shared(
        self, weight: int, now_ms: int, limit: int, *, cancel: bool
    ) -> Leave | Wait:
        if not self._merged:
            await self._merge()
        step = max(1, int(limit * CEILING_STEP))
        name = f"{self._process}-{next(self._numbers)}"
        spendable = usable(limit, cancel=cancel)
        arguments: list[int | str] = [
            self._clock.now_ms(),
            now_ms,
            GUARD_MS,
            spendable,
            name,
            weight,
            LIFETIME_MS,
            step,
            CLOCK_WRONG_MINUTES,
        ]
        keys = [self.address.key, self._ledger, self._flights]
        reply = await self._line.ask(TAKE, keys, arguments)
        if reply[0] == b"unknown":
            await self._merge()
            arguments[0] = self._clock.now_ms()
            reply = await self._line.ask(TAKE, keys, arguments)
        if reply[0] == b"held":
            return self.address.answer(reply)
        _, wait_ms, used, minute, ceiling = reply
        self._seen = (minute, used)
        if ceiling:
            self._store(self.address.memory.ceiling(minute, min(ceiling, limit)))
        if self.address.end_to_tell():
            self._store(self.address.memory.ended())
        if reply[0] == b"wait":
            return Wait(wait_ms / 1000)
        return Leave(name, weight, minute)

    async def _merge(self) -> None:
        """Bring together what Redis, the database and this process know."""
        known = await self.address.load()
        await self._line.ask(
            SEED,
            keys=[self.address.key, self._ledger],
            args=[
                known.held_until,
                int(known.banned),
                known.reason,
                known.minute,
                known.ceiling,
                *self._seen,
                *self._spent_alone,
            ],
        )
        self._spent_alone = (0, 0)
        self._merged = True

    def _store(self, job: Coroutine[Any, Any, None]) -> None:
        """Store in the background: no request waits for the database."""
        task = asyncio.create_task(_tried(job))
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)

    # -- without Redis ----------------------------------------------------------

    def _lose(self, error: Exception) -> None:
        if self._merged:
            log.warning("request budget of this process only: %s", error)
        self._merged = False
        self._redis_again = self._clock.monotonic() + REDIS_RETRY_SECONDS

    async def _take_alone(
        self, weight: int, now_ms: int, limit: int, *, cancel: bool
    ) -> Leave | Wait:
        minute = (now_ms - GUARD_MS) // MINUTE_MS
        known = sum(
            spent for when, spent in (self._seen, self._spent_alone) if when == minute
        )
        if known + weight > usable(limit, cancel=cancel):
            begin = (minute + 1) * MINUTE_MS + GUARD_MS
            return Wait(max(1, begin - now_ms) / 1000)
        answer = await self._alone.take(
            weight, now_ms=now_ms, limit=limit, cancel=cancel
        )
        if isinstance(answer, Leave):
            before = self._spent_alone
            spent = before[1] if before[0] == answer.minute else 0
            self._spent_alone = (answer.minute, spent + weight)
        return answer


async def _tried(job: Coroutine[Any, Any, None]) -> None:
    try:
        await job
    except DatabaseError as error:
        log.warning("the request budget is not stored: %s", error)
