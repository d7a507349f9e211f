"""Does what people ask of the feed: start, stop, reconnect, look at a symbol."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from channels.db import database_sync_to_async

from core import control
from core import redis as core_redis
from core.cancellation import checkpoint
from core.clock import Clock
from market import selectors, services
from market.domain.state import MarketState
from market.follower import Follower
from market.publisher import Publisher

log = logging.getLogger(__name__)

LISTEN_SECONDS = 3.0
RETRY_SECONDS = 5.0
RUNNING = "running"


class Tell(Protocol):
    """Makes an event."""

    def __call__(
        self, connection: str, kind: str, reason: str, route: str = "market"
    ) -> None: ...


class Operator:
    """Carries out the rows that people write; the wake-up only saves time."""

    def __init__(
        self,
        *,
        venue: str,
        clock: Clock,
        follower: Follower,
        publisher: Publisher,
        state: MarketState,
        tell: Tell,
        status: Callable[[], Awaitable[None]],
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._follower = follower
        self._publisher = publisher
        self._state = state
        self._tell = tell
        self._status = status
        self.called = asyncio.Event()
        self.desired = RUNNING

    async def learn(self) -> None:
        """Read whether the feed is wanted to run."""
        self.desired = await database_sync_to_async(selectors.feed_desired)(
            venue=self._venue
        )

    async def listen(self) -> None:
        """Hear the wake-ups; while Redis is away the table alone is looked at."""
        worker = services.worker_name(self._venue)
        while True:
            try:
                # The layer waits in a loop of its own, which may swallow the order
                # to end; the end of a time limit comes again and again.
                async with asyncio.timeout(LISTEN_SECONDS):
                    await control.receive(worker)
                checkpoint()
                self.called.set()
            except TimeoutError:
                checkpoint()
            except core_redis.UNAVAILABLE as error:
                log.warning("no wake-ups: %s", error)
                checkpoint()
                await asyncio.sleep(RETRY_SECONDS)

    async def obey(self) -> None:
        """Carry out waiting commands and follow what somebody looks at."""
        watched = await self._publisher.watch(
            self._clock.now_ms(), services.interest_key(self._venue)
        )
        for symbol in self._follower.watch(watched):
            self._state.unwatch(symbol)
        commands = await database_sync_to_async(selectors.feed_commands_waiting)(
            venue=self._venue
        )
        for command in commands:
            result = await self._carry_out(command.kind, command.target)
            await database_sync_to_async(services.feed_command_acknowledge)(
                command_id=command.id, result=result
            )
            log.info("%s of %s: %s", command.kind, command.requested_by, result)
        await self.want()
        if commands:
            await self._status()

    async def _carry_out(self, kind: str, target: str) -> str:
        client = self._follower.client
        if kind == "reconnect":
            if client is None:
                return "the feed is stopped"
            if target not in client.connections:
                return f"there is no connection {target!r}"
            client.reconnect(target)
            return "reconnecting"
        await self.learn()
        if self.desired == RUNNING:
            await self.want()
            started = self._follower.client is not None
            return "started" if started else "not yet possible"
        await self.stop("stopped by the operator")
        return "stopped"

    async def want(self) -> None:
        """Open the sockets if they are wanted and not open."""
        if self.desired != RUNNING or self._follower.client is not None:
            return
        try:
            await self._follower.start()
        except OSError as error:
            log.error("sockets cannot start, trying again: %s", error)

    async def stop(self, reason: str) -> None:
        """Close the sockets and tell of each connection why."""
        for row in await self._follower.stop():
            self._tell(row["id"], "stopped", reason, row["route"])
