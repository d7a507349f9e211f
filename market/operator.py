"""Does what people ask of the feed: start, stop, reconnect, look at a symbol."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from channels.db import database_sync_to_async

from core import control
from core import redis as core_redis
from core.cancellation import checkpoint
from core.clock import Clock
from market import selectors, services
from market.binance.events import Tell
from market.domain.state import MarketState
from market.follower import Follower
from market.private_connections import private_parts
from market.publisher import Publisher
from market.shares import Shares, feed_of

log = logging.getLogger(__name__)

LISTEN_SECONDS = 1.0
RETRY_SECONDS = 5.0
RUNNING = "running"


class Operator:
    """Carries out the rows that people write; the wake-up only saves time."""

    def __init__(
        self,
        *,
        venue: str,
        clock: Clock,
        follower: Follower,
        shares: Shares,
        publisher: Publisher,
        state: MarketState,
        tell: Tell,
        status: Callable[[], Awaitable[None]],
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._follower = follower
        self._shares = shares
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
        await self._look()
        before = self.desired
        # The commands first: what is wanted is then at least as new as they are.
        commands = await database_sync_to_async(selectors.feed_commands_waiting)(
            venue=self._venue
        )
        await self.learn()
        if self.desired != RUNNING:
            await self.stop("stopped by the operator")
        await self.want()
        private = await self._private() if commands else set()
        for command in commands:
            if command.kind == "reconnect" and feed_of(command.target) in private:
                continue  # whoever has the private stream answers
            result = self._carry_out(command.kind, command.target)
            if result is None:
                continue
            await database_sync_to_async(services.feed_command_acknowledge)(
                command_id=command.id, result=result
            )
            log.info("%s of %s: %s", command.kind, command.requested_by, result)
        if commands or self.desired != before:
            await self._status()

    async def _private(self) -> set[str]:
        """Return the names of processes with private streams."""
        parts = await self._publisher.parts()
        return set(private_parts(parts, self._clock.now_ms()))

    async def _look(self) -> None:
        """Follow books and trades of what somebody looks at."""
        watched = await self._publisher.watch(
            self._clock.now_ms(), services.interest_key(self._venue)
        )
        await self.resume(watched)
        for symbol in self._follower.watch(watched):
            self._state.unwatch(symbol)
            await self._publisher.forget_symbol(symbol)

    async def resume(self, watched: set[str]) -> None:
        """Go on with the trades of these symbols where another feed, or run, ended."""
        for symbol in self._follower.unseen(watched):
            seen = await self._publisher.last_trades(symbol)
            if seen:
                self._state.resume_trades(symbol, seen, self._clock.now_ms())

    def _carry_out(self, kind: str, target: str) -> str | None:
        """Return the result, or None when another feed is to tell it."""
        client = self._follower.client
        if kind == "reconnect":
            if client is not None and target in client.connections:
                client.reconnect(target)
                return "reconnecting"
            if not self._answers_for(target):
                return None
            if client is None:
                return "the feed is stopped"
            return f"there is no connection {target!r}"
        if not self._shares.leads:
            return None
        if self.desired == RUNNING:
            return "not yet possible" if client is None else "started"
        return "stopped"

    def _answers_for(self, target: str) -> bool:
        """Whether this feed has connections of that name, or leads and nobody has."""
        feed = feed_of(target)
        names = {member.name for member in self._shares.members}
        return feed == self._shares.name or (self._shares.leads and feed not in names)

    async def want(self) -> None:
        """Open the sockets if they are wanted and not open."""
        if self.desired != RUNNING or self._follower.client is not None:
            return
        try:
            await self._follower.start()
        except OSError as error:
            log.error("sockets cannot start, trying again: %s", error)

    async def stop(self, reason: str) -> None:
        """Close the sockets, if they are open, and tell of each connection why."""
        for row in await self._follower.stop():
            self._tell(row["id"], "stopped", reason, row["route"])
