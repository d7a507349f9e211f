"""Private streams of a process, told of beside the feeds' connections.

Their numbers are a part that the leading feed publishes with its own, so that page, REST
and scripts read all connections in one place; their events go the way of all events; and
people's orders to reconnect are carried out by whoever has the connection.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from redis.asyncio import Redis as AsyncRedis

from core import redis as core_redis
from core import snapshot, wire
from core.cancellation import checkpoint
from core.clock import Clock
from market import selectors, services
from market.binance.connection import Connection
from market.binance.events import ConnectionEvent
from market.binance.statistics import statistics
from market.event_writer import EventWriter
from market.publisher import PARTS, events_publish
from market.shares import feed_of

log = logging.getLogger(__name__)

TELL_SECONDS = 1.0
# A part that is older was left by a process that is gone.
FRESH_MS = 5_000


class PrivateConnections:
    """Publishes what ``connections()`` returns; ``name`` is the process's.

    Connections are called ``NAME.…``, so that everybody knows whose they are.
    """

    def __init__(
        self,
        redis: "AsyncRedis",
        venue: str,
        *,
        name: str,
        clock: Clock,
        connections: Callable[[], Sequence[Connection]],
    ) -> None:
        self._redis = redis
        self._venue = venue
        self._name = name
        self._clock = clock
        self._connections = connections
        self._events = EventWriter(venue, self._publish)

    def report(self, event: ConnectionEvent) -> None:
        """Take an event of a private stream."""
        self._events.take(event)

    async def run(self) -> None:
        """Tell once a second until cancelled, then take back what was told."""
        try:
            while True:
                await self.tell()
                checkpoint()
                await asyncio.sleep(TELL_SECONDS)
        finally:
            await self._end()

    async def tell(self) -> None:
        """Publish, store and obey; what fails now is done the next time."""
        told = {
            "private": True,
            "at": self._clock.now_ms(),
            "statistics": statistics(self._connections(), self._clock.monotonic()),
        }
        await self._write(snapshot.stage, [(self._name, wire.encode(told))])
        try:
            await self._events.alert()
            await self._events.store()
            await self._obey()
        except DatabaseError as error:
            log.warning("events of private streams wait: %s", error)

    async def _obey(self) -> None:
        commands = await database_sync_to_async(selectors.feed_commands_waiting)(
            venue=self._venue
        )
        own = {each.id: each for each in self._connections()}
        for command in commands:
            if command.kind != "reconnect" or feed_of(command.target) != self._name:
                continue
            found = own.get(command.target)
            result = f"there is no connection {command.target!r}"
            if found is not None:
                found.reconnect()
                result = "reconnecting"
            await database_sync_to_async(services.feed_command_acknowledge)(
                command_id=command.id, result=result
            )

    async def _end(self) -> None:
        await self._write(snapshot.stage_remove, [self._name])
        try:
            await self._events.alert()
            await self._events.store()
        except DatabaseError as error:
            log.warning("the last events of private streams are lost: %s", error)

    async def _write(self, stage: Callable[..., None], what: Any) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        stage(pipeline, self._venue, PARTS, what)
        try:
            await pipeline.execute()
        except core_redis.UNAVAILABLE as error:
            log.debug("private streams are not told of: %s", error)

    async def _publish(self, items: list[tuple[str, Any]]) -> None:
        try:
            await events_publish(self._redis, items)
        except core_redis.UNAVAILABLE as error:
            log.debug("browsers find events over HTTP: %s", error)


def private_parts(
    parts: Mapping[str, Mapping[str, Any]], now_ms: int
) -> dict[str, Mapping[str, Any]]:
    """Return the parts of processes with private streams that are alive."""
    return {
        name: part
        for name, part in parts.items()
        if part.get("private") and now_ms - part["at"] <= FRESH_MS
    }
