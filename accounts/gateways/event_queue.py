"""Events of one account on their way to the one who reads them; none is dropped."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from accounts.domain.exchange import AccountEvent

HIGH, LOW = 5_000, 1_000


class EventQueue:
    """When ``HIGH`` events wait ``pause`` is called, at ``LOW`` again ``resume``."""

    def __init__(
        self,
        pause: Callable[[], None] | None = None,
        resume: Callable[[], None] | None = None,
    ) -> None:
        self._pause = pause
        self._resume = resume
        self._waiting: deque[AccountEvent] = deque()
        self._wake = asyncio.Event()
        self._paused = False
        self._closed = False

    def put(self, event: AccountEvent) -> None:
        """Add an event."""
        self._waiting.append(event)
        self._wake.set()
        if self._pause and not self._paused and len(self._waiting) >= HIGH:
            self._paused = True
            self._pause()

    def close(self) -> None:
        """The reader gets what waits, then its iteration ends."""
        self._closed = True
        self._wake.set()

    async def iterate(self) -> AsyncIterator[AccountEvent]:
        """Yield events as they come, until the queue is closed and empty."""
        while True:
            while self._waiting:
                event = self._waiting.popleft()
                if self._resume and self._paused and len(self._waiting) <= LOW:
                    self._paused = False
                    self._resume()
                yield event
            if self._closed:
                return
            self._wake.clear()
            await self._wake.wait()
