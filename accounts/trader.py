"""The trader: the one process that sends orders of a venue's accounts.

A lease decides which process it is; others stand by. It does intents as they come,
several at once, hears private streams, records everything, and compares the accounts
with the exchange. A lease that ran out, because Redis is away say, stops what is sent at
once; events and records go on.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from accounts import intents
from accounts.desk import Room
from accounts.desks import Desks, Make
from accounts.execution import Execution
from accounts.intent_audit import intents_audit
from accounts.intent_documents import IntentResult, parse, refusal
from accounts.models import Intent
from accounts.models.orders import IntentKind, IntentState
from accounts.recorder import EnhancedTradeRecorder
from accounts.recovery import Recovery
from accounts.trader_status import StatusBoard
from core import bell, control
from core import redis as core_redis
from core.cancellation import checkpoint
from core.clock import Clock
from core.errors import InvalidInput, NameTaken
from core.leases import Leases, Member
from core.patience import patient

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
LOOK_SECONDS = 0.25
WAKE_SECONDS = 1.0
RETRY_SECONDS = 2.0
REFRESH_SECONDS = 2.0
TELL_SECONDS = 60.0
# Intents that wait already are begun when the accounts are open, or so much later.
GRACE_SECONDS = 5.0
# What the lease is counted shorter by here: the beat itself takes time.
MARGIN_SECONDS = 1.0
AT_ONCE = 50
COMPARING_AT_ONCE = 4
COMPARE_SECONDS = 300.0
# Weight of one comparison, and the part of a minute's budget that all may take.
COMPARE_WEIGHT, COMPARE_BUDGET = 160, 600


class Trader:
    """Trades one venue until cancelled, whenever it holds the lease."""

    def __init__(self, venue: str, make: Make, *, folder: Path, clock: Clock) -> None:
        self._venue = venue
        self._make = make
        self._folder = folder
        self._clock = clock
        self._redis = core_redis.client()
        self._leases = Leases(
            self._redis,
            intents.job(venue),
            Member.here(f"trader-{uuid.uuid4().hex[:6]}", uuid.uuid4().hex[:12]),
            count=1,
            seconds=intents.LEASE_SECONDS,
        )
        self._lease_until = 0.0
        self._called = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self.session: Session | None = None

    @property
    def name(self) -> str:
        """This process among the traders."""
        return self._leases.member.where

    def may_send(self) -> bool:
        """Whether the lease still is this process's own, by its own clock."""
        return self._clock.monotonic() < self._lease_until

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hold_forever())
                group.create_task(self._listen_forever())
        finally:
            await self._stop()
            await self._leases.leave_or_expire()
            await self._redis.aclose()

    # -- the lease --------------------------------------------------------------

    async def _hold_forever(self) -> None:
        while True:
            await self._hold()
            checkpoint()
            if self._work is not None and self._work.done():
                self._ended(self._work)
                self._work = None
            await asyncio.sleep(BEAT_SECONDS)

    async def _hold(self) -> None:
        """Show life; trade while the lease is held, stop when another has it."""
        begun = self._clock.monotonic()
        held = self._work is not None
        try:
            holding = await self._leases.beat([0] if held else [])
        except NameTaken as error:
            log.warning("%s is alive: waiting until it ends", error)
            return
        except core_redis.UNAVAILABLE as error:
            what = "no order is sent for long" if held else "the lease cannot be had"
            log.warning("%s while Redis is away: %s", what, error)
            return
        if holding.held:
            self._lease_until = begun + intents.LEASE_SECONDS - MARGIN_SECONDS
            if self._work is None:
                self._work = asyncio.create_task(self._trade(), name="trading")
        elif self._work is not None:
            log.error("another trader took over")
            self._lease_until = 0.0
            await self._stop()

    def _ended(self, work: asyncio.Task[None]) -> None:
        error = None if work.cancelled() else work.exception()
        if isinstance(error, NameTaken):
            log.warning("%s: waiting until it lets go", error)
        elif error is not None:
            log.error("trading ended, beginning again", exc_info=error)

    async def _stop(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _trade(self) -> None:
        recorder = EnhancedTradeRecorder(self._folder, venue=self._venue)
        await asyncio.to_thread(recorder.open)
        try:
            self.session = Session(self, recorder)
            await self.session.run()
        finally:
            self.session = None
            await recorder.close()

    async def _listen_forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(WAKE_SECONDS):
                    await control.receive(intents.worker_name(self._venue))
                self._called.set()
            except TimeoutError:
                pass
            except core_redis.UNAVAILABLE:
                await asyncio.sleep(RETRY_SECONDS)  # the table is looked at meanwhile
            checkpoint()


class Session:
    """What a trader does while it holds the lease."""

    def __init__(self, trader: Trader, recorder: EnhancedTradeRecorder) -> None:
        self._trader = trader
        self._venue = trader._venue
        self._redis = trader._redis
        self._called = trader._called
        self.recorder = recorder
        room = Room(
            recorder=recorder,
            clock=trader._clock,
            may_send=trader.may_send,
            comparing=asyncio.Semaphore(COMPARING_AT_ONCE),
            interval=self._compare_seconds,
        )
        self.desks = Desks(self._venue, trader._make, room)
        self.execution = Execution(
            self._venue, self.desks.open, recorder, trader._clock
        )
        self._recovery = Recovery(self.execution, self.desks.open)
        self._board = StatusBoard(self._venue, self._redis, self.desks, recorder)
        self._doing: set[asyncio.Task[None]] = set()
        self.done = 0

    def _compare_seconds(self) -> float:
        """Return how often an account is compared: all together keep their budget."""
        share = len(self.desks.open) * COMPARE_WEIGHT / COMPARE_BUDGET * 60
        return max(COMPARE_SECONDS, share)

    async def run(self) -> None:
        """Trade until cancelled."""
        log.info("trader of %s: %s trades", self._venue, self._trader.name)
        # What a crash left is stored before anybody reads how things stand.
        await self.recorder.flushed()
        left = await patient(intents.intents_taken, venue=self._venue)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.recorder.run())
                group.create_task(self._refresh_forever())
                group.create_task(self._look_forever())
                group.create_task(self._tell_forever())
                group.create_task(self._audit_forever())
                for intent in left:
                    self._begin(self._recover(intent))
        finally:
            for task in self._doing:
                task.cancel()
            await asyncio.gather(*self._doing, return_exceptions=True)
            await self.desks.close()

    async def _refresh_forever(self) -> None:
        while True:
            try:
                await self.desks.refresh()
            except DatabaseError as error:
                log.warning("accounts cannot be read: %s", error)
            checkpoint()
            await asyncio.sleep(REFRESH_SECONDS)

    async def _tell_forever(self) -> None:
        told = -TELL_SECONDS
        while True:
            now = self._trader._clock.monotonic()
            if now - told >= TELL_SECONDS:
                told = now
                self._board.log(self.done, len(self._doing))
            await self._board.tell(self.done)
            checkpoint()
            await asyncio.sleep(BEAT_SECONDS)

    async def _audit_forever(self) -> None:
        """Write intents that ended into the audit trail, off the orders' way."""
        while True:
            try:
                await database_sync_to_async(intents_audit)(venue=self._venue)
            except DatabaseError as error:
                log.warning("the audit trail waits: %s", error)
            checkpoint()
            await asyncio.sleep(BEAT_SECONDS)

    # -- intents ----------------------------------------------------------------

    async def _look_forever(self) -> None:
        await self.desks.settled(GRACE_SECONDS)
        while True:
            await self._look()
            checkpoint()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._called.wait()
            except TimeoutError:
                continue
            self._called.clear()

    async def _look(self) -> None:
        """Take what waits, and begin it."""
        if not self._trader.may_send():
            return
        room = AT_ONCE - len(self._doing)
        try:
            taken = await database_sync_to_async(self._take)(room)
        except DatabaseError as error:
            log.warning("intents cannot be read: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
            return
        for intent in taken:
            self._begin(self._do(intent))

    def _take(self, limit: int) -> list[Intent]:
        waiting = intents.intents_waiting(venue=self._venue, limit=limit)
        name = self._trader.name[:60]
        return [one for one in waiting if intents.intent_take(intent=one, trader=name)]

    def _begin(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    async def _do(self, intent: Intent) -> None:
        try:
            payload = parse(IntentKind(intent.kind), intent.payload)
        except InvalidInput as error:
            await self._end(intent, IntentState.REFUSED, refusal(error))
            return
        except ValueError as error:
            told = IntentResult(message=str(error))
            await self._end(intent, IntentState.REFUSED, told)
            return
        try:
            state, result = await self.execution.run(intent, payload)
        except Exception as error:
            log.exception("intent %s failed", intent.id)
            text = f"it failed inside ({error}); look at orders before repeating it"
            state, result = IntentState.FAILED, IntentResult(message=text)
        await self._end(intent, state, result)

    async def _recover(self, intent: Intent) -> None:
        """End an intent that a trader before this one took and did not answer."""
        try:
            state, result = await self._recovery.run(intent)
        except Exception as error:
            log.exception("intent %s is not recovered", intent.id)
            text = f"the trader ended while it was done, and then: {error}"
            state, result = IntentState.FAILED, IntentResult(message=text)
        await self._end(intent, state, result)

    async def _end(
        self, intent: Intent, state: IntentState, result: IntentResult
    ) -> None:
        await patient(intents.intent_end, intent=intent, state=state, result=result)
        self.done += 1
        with contextlib.suppress(*core_redis.UNAVAILABLE):
            await bell.ring(self._redis, intents.bell_name(intent.id))
        log.info(
            "intent %s, %s by %s: %s in %.0f ms %s",
            intent.id,
            intent.kind,
            intent.actor,
            state.value,
            result.seconds * 1000,
            result.message,
        )
