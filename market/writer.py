"""The one writer of closed bars and connection events of a venue."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from channels.db import database_sync_to_async

from market import services
from market.binance.events import ConnectionEvent
from market.domain.types import Candle
from market.event_writer import EventWriter
from market.publisher import Publisher

log = logging.getLogger(__name__)


class Writer:
    """Collects what must be stored and stores it in bulk when flushed.

    What cannot be stored now (database locked or away) stays for the next flush.
    Events may be dropped then (see ``EventWriter``), bars never.
    """

    def __init__(self, venue: str, publisher: Publisher) -> None:
        self._store = services.CandleStore(venue)
        self._candles: deque[Candle] = deque()
        self._events = EventWriter(venue, publisher.events)
        self._lock = asyncio.Lock()
        self.wanted = asyncio.Event()
        self.stored = 0

    def candles(self, closed: Sequence[Candle]) -> None:
        """Take closed bars."""
        for candle in closed:
            self._candles.append(candle)
            log.info(
                "📊 %s %s K线更新: close=%s",
                candle.symbol.lower(),
                candle.interval,
                candle.close,
            )
        if closed:
            self.wanted.set()

    def event(self, event: ConnectionEvent) -> None:
        """Take an event of a connection."""
        self._events.take(event)
        self.wanted.set()

    @property
    def events_dropped(self) -> int:
        """How many events a database that stayed away has cost."""
        return self._events.dropped

    async def flush(self) -> None:
        """Store what waits; raises ``django.db.Error`` and keeps it all then."""
        async with self._lock:
            # First: they must be heard of just when the database is away.
            await self._events.alert()
            await self._flush_candles()
            await self._events.store()

    async def _flush_candles(self) -> None:
        candles = list(self._candles)
        if not candles:
            return
        await self.store(candles)
        for _ in candles:
            self._candles.popleft()

    async def store(self, candles: Sequence[Candle]) -> int:
        """Store bars at once and return how many."""
        count: int = await database_sync_to_async(self._store.store)(candles)
        self.stored += count
        return count
