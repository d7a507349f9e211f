"""The one process that scans: at every close of a bar, and when somebody asks.

A lease decides which process it is when there are several; the others stand by.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from core import control
from core import redis as core_redis
from core.cancellation import checkpoint
from core.errors import BusUnavailable, NameTaken
from core.leases import Leases, Member
from market import signal_services
from market.scanning import Scanner

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
LOOK_SECONDS = 0.25
WAKE_SECONDS = 1.0
RETRY_SECONDS = 2.0


class ScannerProcess:
    """Scans one venue until cancelled, whenever it holds the lease."""

    def __init__(self, venue: str, make: Callable[[], Scanner]) -> None:
        self._venue = venue
        self._make = make
        self._scanner: Scanner | None = None
        self._called = asyncio.Event()
        self._redis = core_redis.client()
        self._leases = Leases(
            self._redis,
            signal_services.job(venue),
            Member.here(f"scanner-{uuid.uuid4().hex[:6]}", uuid.uuid4().hex[:12]),
            count=1,
            seconds=signal_services.LEASE_SECONDS,
        )
        self.holds = False

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hold_forever())
                group.create_task(self._listen_forever())
                group.create_task(self._look_forever())
        finally:
            await self._leases.leave_or_expire()
            await self._redis.aclose()

    async def _hold_forever(self) -> None:
        """Show life; without Redis nobody may be sure to be the only one."""
        while True:
            try:
                held = (await self._leases.beat()).held
            except NameTaken as error:
                log.warning("%s is alive: waiting until it ends", error)
                held = frozenset()
            except core_redis.UNAVAILABLE as error:
                if self.holds:
                    log.warning("no scans while Redis is away: %s", error)
                held = frozenset()
            checkpoint()
            if bool(held) != self.holds:
                log.info("scanner %s", "scans" if held else "stands by")
                self._scanner = None
            self.holds = bool(held)
            await asyncio.sleep(BEAT_SECONDS)

    async def _listen_forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(WAKE_SECONDS):
                    await control.receive(signal_services.worker_name(self._venue))
                self._called.set()
            except TimeoutError:
                pass
            except core_redis.UNAVAILABLE:
                await asyncio.sleep(RETRY_SECONDS)  # the table is looked at meanwhile
            checkpoint()

    async def _look_forever(self) -> None:
        while True:
            if self.holds:
                await self._look()
            checkpoint()
            self._called.clear()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._called.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        try:
            if self._scanner is None:
                self._scanner = await database_sync_to_async(self._begin)()
            await database_sync_to_async(self._scanner.look)()
        except (DatabaseError, BusUnavailable, *core_redis.UNAVAILABLE) as error:
            log.error("scanning failed, trying again: %s", error)
            # The next one begins by ending what this one has left unfinished.
            self._scanner = None
            await asyncio.sleep(RETRY_SECONDS)

    def _begin(self) -> Scanner:
        left = signal_services.scans_abandoned(venue=self._venue)
        if left:
            log.warning("%d scans were left unfinished", left)
        return self._make()
