"""The one way by which events of connections reach database, alerts and browsers."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from channels.db import database_sync_to_async

from market import connection_alerts, services
from market.binance.events import ConnectionEvent

EVENTS_KEPT = 10_000
Publish = Callable[[list[tuple[str, Any]]], Awaitable[None]]


class EventWriter:
    """Collects the events of one process and stores them when flushed.

    What cannot be stored now stays for the next flush. Events are pushed to browsers
    once they have a row. Should the database stay away for so long that they pile up, the
    oldest are dropped and counted.
    """

    def __init__(self, venue: str, publish: Publish) -> None:
        self._venue = venue
        self._publish = publish
        self._waiting: deque[ConnectionEvent] = deque()
        self._alerting: deque[ConnectionEvent] = deque(maxlen=EVENTS_KEPT)
        self.dropped = 0

    def take(self, event: ConnectionEvent) -> None:
        """Take an event of a connection."""
        if len(self._waiting) >= EVENTS_KEPT:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(event)
        if connection_alerts.concerns(event):
            self._alerting.append(event)

    async def alert(self) -> None:
        """Raise and resolve alerts; to be called first, they survive without rows."""
        events = list(self._alerting)
        self._alerting.clear()
        if events:
            await database_sync_to_async(connection_alerts.apply)(
                venue=self._venue, events=events
            )

    async def store(self) -> None:
        """Store what waits and push it; raises ``django.db.Error`` and keeps it then."""
        events = list(self._waiting)
        if not events:
            return
        numbers = await database_sync_to_async(services.connection_events_store)(
            venue=self._venue, events=events
        )
        for _ in events:
            self._waiting.popleft()
        await self._publish(
            [
                (str(number), {"id": number, **event.as_dict()})
                for number, event in zip(numbers, events, strict=True)
            ]
        )
