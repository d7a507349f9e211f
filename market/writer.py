"""The one writer of closed bars and connection events of a venue."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from channels.db import database_sync_to_async

from market import connection_alerts, services
from market.binance.events import ConnectionEvent
from market.domain.types import Candle
from market.publisher import Publisher

log = logging.getLogger(__name__)

EVENTS_KEPT = 10_000


class Writer:
    """Collects what must be stored and stores it in bulk when flushed.

    What cannot be stored now (database locked or away) stays for the next flush.
    Events are pushed to browsers once they have a row. Should the database stay away
    for so long that events pile up, the oldest are dropped and counted; bars never.
    """

    def __init__(self, venue: str, publisher: Publisher) -> None:
        self._venue = venue
        self._publisher = publisher
        self._store = services.CandleStore(venue)
        self._candles: deque[Candle] = deque()
        self._events: deque[ConnectionEvent] = deque()
        self._alerting: deque[ConnectionEvent] = deque(maxlen=EVENTS_KEPT)
        self._lock = asyncio.Lock()
        self.wanted = asyncio.Event()
        self.stored = 0
        self.events_dropped = 0

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
        if len(self._events) >= EVENTS_KEPT:
            self._events.popleft()
            self.events_dropped += 1
        self._events.append(event)
        if connection_alerts.concerns(event):
            self._alerting.append(event)
        self.wanted.set()

    async def flush(self) -> None:
        """Store what waits; raises ``django.db.Error`` and keeps it all then."""
        async with self._lock:
            # First: they must be heard of just when the database is away.
            await self._flush_alerts()
            await self._flush_candles()
            await self._flush_events()

    async def _flush_alerts(self) -> None:
        events = list(self._alerting)
        self._alerting.clear()
        if events:
            await database_sync_to_async(connection_alerts.apply)(
                venue=self._venue, events=events
            )

    async def _flush_candles(self) -> None:
        candles = list(self._candles)
        if not candles:
            return
        await self.store(candles)
        for _ in candles:
            self._candles.popleft()

    async def _flush_events(self) -> None:
        events = list(self._events)
        if not events:
            return
        numbers = await database_sync_to_async(services.connection_events_store)(
            venue=self._venue, events=events
        )
        for _ in events:
            self._events.popleft()
        await self._publisher.events(
            [
                (str(number), {"id": number, **event.as_dict()})
                for number, event in zip(numbers, events, strict=True)
            ]
        )

    async def store(self, candles: Sequence[Candle]) -> int:
        """Store bars at once and return how many."""
        count: int = await database_sync_to_async(self._store.store)(candles)
        self.stored += count
        return count
