"""The dial budget: fewer than 300 handshakes in 5 minutes per address."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from core.cancellation import checkpoint
from core.clock import Clock
from market.binance.failures import HandshakeRefused
from market.binance.weights import Hold, asked_silence

# A hold may last for days; whether it still does is asked again now and then.
ASK_AGAIN_SECONDS = 30.0
COMMON_SECONDS = 2.0
COMMON_LOSSES = 3


class DialBudget(Protocol):
    """Asked before every handshake."""

    async def take(self) -> float:
        """Return 0 when the dial may go now, else the seconds to wait and ask again."""

    async def refused(self, error: HandshakeRefused) -> None:
        """A handshake was refused; it may ask for silence (418, 429, a firewall)."""


class DialBucket:
    """A sliding window in this process's memory."""

    def __init__(self, limit: int, window_seconds: float, clock: Clock) -> None:
        self._limit = limit
        self._window = window_seconds
        self._clock = clock
        self._taken: deque[float] = deque()
        self._held_until = 0.0

    async def refused(self, error: HandshakeRefused) -> None:
        """See ``DialBudget.refused``."""
        hold = silence_of(error, self._clock)
        if hold is not None:
            until = self._clock.monotonic() + hold.seconds
            self._held_until = max(self._held_until, until)

    async def take(self) -> float:
        """See ``DialBudget.take``."""
        now = self._clock.monotonic()
        if now < self._held_until:
            return self._held_until - now
        while self._taken and now - self._taken[0] >= self._window:
            self._taken.popleft()
        if len(self._taken) >= self._limit:
            return self._window - (now - self._taken[0])
        self._taken.append(now)
        return 0.0


def silence_of(error: HandshakeRefused, clock: Clock) -> Hold | None:
    """Return the silence that a refused handshake asks for, or None."""
    return asked_silence(
        error.status, error.retry_after, error.body, exchange_now_ms=clock.now_ms()
    )


class DialGate:
    """Lets at most ``concurrency`` dials run at a time, each with the budget's leave.

    After a common failure (most connections lost within two seconds) one canary
    dials first; the others go when its data flows. A canary that is lost makes room
    for the next one.
    """

    def __init__(self, budget: DialBudget, concurrency: int) -> None:
        self._budget = budget
        self._slots = asyncio.Semaphore(concurrency)
        self._losses: deque[float] = deque(maxlen=COMMON_LOSSES)
        self._canary: str | None = None
        self._common = False
        self._changed = asyncio.Event()
        self.waiting = 0
        self.dials = 0

    @asynccontextmanager
    async def turn(self, who: str = "") -> AsyncIterator[None]:
        """Wait for a place and for the budget; hold the place while dialling."""
        self.waiting += 1
        try:
            await self._behind_canary(who)
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        try:
            wait = await self._budget.take()
            checkpoint()
            while wait > 0:
                await asyncio.sleep(min(wait, ASK_AGAIN_SECONDS))
                wait = await self._budget.take()
                checkpoint()
            self.dials += 1
            try:
                yield
            except HandshakeRefused as error:
                await self._budget.refused(error)
                raise
        finally:
            self._slots.release()

    async def _behind_canary(self, who: str) -> None:
        while self._common:
            if self._canary in (None, who):
                self._canary = who
                return
            self._changed.clear()
            await self._changed.wait()

    def left(self, who: str) -> None:
        """Somebody dials no more: another may be the canary."""
        if self._canary == who:
            self._canary = None
            self._changed.set()

    def lost(self, who: str, now: float) -> None:
        """A connection was lost or could not be opened."""
        self.left(who)
        self._losses.append(now)
        full = len(self._losses) == COMMON_LOSSES
        if full and now - self._losses[0] <= COMMON_SECONDS:
            self._common = True

    def proven(self) -> None:
        """Data flows on some connection: the way is open for all."""
        self._canary = None
        self._common = False
        self._losses.clear()
        self._changed.set()
