"""One account while this process trades it: gateway, events, questions, comparisons.

Events go to the recorder as they come. The account opens for trading when it was compared
with the exchange since its private stream last came up, and is closed while that stream
is down. An order of unknown outcome is asked for until the exchange tells, later and
later, and never sent again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from accounts import crash_points
from accounts.domain.exchange import (
    FillNews,
    NewOrder,
    OrderNews,
    OrderRef,
    Outcome,
    StreamNews,
)
from accounts.gateway import Gateway, GatewayRefused, GatewayUnavailable
from accounts.hearing import Hearing
from accounts.journal_records import (
    Compared,
    OrderAnswered,
    OrderNeverSent,
    Record,
)
from accounts.reconciliation import compare
from accounts.recorder import EnhancedTradeRecorder
from core.cancellation import asked, checkpoint
from core.clock import Clock
from core.patience import TRANSIENT

log = logging.getLogger(__name__)

# A request is refused once it is older than its window of 5 s, so an order that the
# exchange does not know so long after it was sent will never be there.
CERTAIN_SECONDS = 10.0
FIRST_ASK_SECONDS, LAST_ASK_SECONDS = 0.2, 10.0
FIRST_AGAIN_SECONDS, LAST_AGAIN_SECONDS = 1.0, 60.0
STREAM_SECONDS = 5.0


@dataclass(frozen=True)
class Room:
    """What the desks of one trader share.

    ``may_send``: whether this process still holds the lease. ``comparing`` bounds how
    many accounts are compared at once, ``interval`` says how often each is.
    """

    recorder: EnhancedTradeRecorder
    clock: Clock
    may_send: Callable[[], bool]
    comparing: asyncio.Semaphore
    interval: Callable[[], float]


class Desk:
    """One account; ``run`` until cancelled. ``unsure``: orders to ask for first."""

    def __init__(
        self,
        account: int,
        gateway: Gateway,
        room: Room,
        unsure: Iterable[OrderRef] = (),
    ) -> None:
        self.account = account
        self.gateway = gateway
        self.compared = asyncio.Event()
        self.problem = ""
        self.compared_at = 0
        self._room = room
        self._unsure = tuple(unsure)
        self._stream_up = False
        self._ready = False
        self._cause = "start"
        self._asked = asyncio.Event()
        self._asking: dict[str, asyncio.Task[OrderNews | None]] = {}
        self._hearing = Hearing(
            gateway,
            room.clock,
            keep=self._keep,
            ask=self.ask_later,
            compare=self._heard_too_little,
        )

    @property
    def name(self) -> str:
        """The account's name."""
        return self.gateway.account

    @property
    def ready(self) -> bool:
        """Whether it was compared since its stream came up, and the stream is up."""
        return self._ready and self._stream_up

    # -- life -------------------------------------------------------------------

    async def run(self) -> None:
        """Open the gateway, hear its events, compare; until cancelled."""
        before = asked()
        await self.gateway.start()
        for ref in self._unsure:
            self.ask_later(ref)
        try:
            # An end that was asked for while the gateway's Redis answered raised nothing.
            checkpoint(before)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hear())
                group.create_task(self._compare_forever())
        finally:
            self._ready = self._stream_up = False
            for task in self._asking.values():
                task.cancel()
            await asyncio.gather(*self._asking.values(), return_exceptions=True)
            await self._hearing.close()
            await self.gateway.close()

    async def _hear(self) -> None:
        async for event in self.gateway.events():
            if isinstance(event, StreamNews):
                self._stream(event)
            else:
                self._room.recorder.put([Record(self.account, event)])
                self._hearing.heard(event)

    def _keep(self, fills: Iterable[FillNews]) -> None:
        self._room.recorder.put(Record(self.account, fill) for fill in fills)

    def _stream(self, news: StreamNews) -> None:
        if news.up:
            log.info("%s: the private stream is up: %s", self.name, news.reason)
            self._stream_up = True
            self.want_comparison("reconnect" if self.compared_at else "start")
        else:
            log.warning("%s: the private stream is lost: %s", self.name, news.reason)
            self._stream_up = self._ready = False

    # -- comparisons ------------------------------------------------------------

    def want_comparison(self, cause: str) -> None:
        """Compare soon; ``compared`` tells when."""
        self._cause = cause
        self.compared.clear()
        self._asked.set()

    def _heard_too_little(self) -> None:
        if self._stream_up:  # else the next one is compared when it comes up
            self.want_comparison("fills")

    async def _compare_forever(self) -> None:
        await self._wait_asked(STREAM_SECONDS)
        again = FIRST_AGAIN_SECONDS
        while True:
            if await self._compare():
                again = FIRST_AGAIN_SECONDS
                await self._wait_asked(self._room.interval())
            else:
                await self._wait_asked(again)
                again = min(2 * again, LAST_AGAIN_SECONDS)

    async def _wait_asked(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            self._cause = "periodic" if self.compared_at else "start"

    async def _compare(self) -> bool:
        """Compare once; returns True when it came to an end."""
        self._asked.clear()
        cause, told = self._cause, self._hearing.turn
        try:
            async with self._room.comparing:
                found = await compare(
                    self.account,
                    self.gateway,
                    self._room.recorder,
                    cause=cause,
                    clock=self._room.clock,
                )
        except (GatewayUnavailable, *TRANSIENT) as error:
            log.warning("%s: not compared, trying again: %s", self.name, error)
            self.problem = str(error)
            return False
        except GatewayRefused as error:
            self._refused(cause, error)
            return False
        self.problem, self.compared_at = "", found.at
        self._hearing.compared(told)
        if not self._asked.is_set():
            # Nothing came up meanwhile that it may not have seen.
            self._ready = True
            self.compared.set()
        return True

    def _refused(self, cause: str, error: GatewayRefused) -> None:
        """The account stays closed: its key is wrong, say."""
        log.error("%s: cannot be compared: %s", self.name, error)
        if self.problem != str(error):
            at = self._room.clock.now_ms()
            told = Compared(at, cause, 0.0, (), str(error)[:300])
            self._room.recorder.put([Record(self.account, told)])
        self.problem = str(error)
        self._ready = False

    # -- orders -----------------------------------------------------------------

    async def place(self, order: NewOrder) -> Outcome:
        """Send an order that is journalled, once, and record what came of it."""
        clock = self._room.clock
        crash_points.reach("before_send")
        sent_at = clock.now_ms()
        if self._room.may_send():
            outcome = await self._placed(order)
        else:
            outcome = Outcome("not_sent", message="the trader's lease ran out")
        crash_points.reach("after_send")
        body = OrderAnswered(order.client_id, outcome, sent_at, clock.now_ms())
        self._room.recorder.put([Record(self.account, body)])
        crash_points.reach("after_ack")
        self._hearing.learned(outcome.news, outcome.fills)
        ref = OrderRef(order.symbol, order.client_id, algo=order.conditional)
        if outcome.kind == "done" and self._stream_up:
            self._hearing.placed(ref, outcome.news)
        if outcome.kind == "unknown":
            log.warning(
                "%s: nobody can tell what became of %s (%s): asking",
                self.name,
                order.client_id,
                outcome.message,
            )
            self.ask_later(ref)
        return outcome

    async def _placed(self, order: NewOrder) -> Outcome:
        placing = asyncio.ensure_future(self.gateway.place(order))
        if crash_points.armed("in_flight"):
            await asyncio.sleep(crash_points.IN_FLIGHT_SECONDS)
            crash_points.reach("in_flight")
        return await placing

    def ask_later(self, ref: OrderRef) -> None:
        """Ask for an order in the background."""
        self._asking[ref.client_id] = self.ask(ref)

    def ask(self, ref: OrderRef) -> "asyncio.Task[OrderNews | None]":
        """Ask for an order until the exchange tells; None: it was never there."""
        known = self._asking.get(ref.client_id)
        if known is None or known.done():
            known = asyncio.create_task(self._ask(ref))
            self._asking[ref.client_id] = known
            known.add_done_callback(lambda _: self._asking.pop(ref.client_id, None))
        return known

    async def _ask(self, ref: OrderRef) -> OrderNews | None:
        room = self._room
        certain = room.clock.monotonic() + CERTAIN_SECONDS
        pause = FIRST_ASK_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_ASK_SECONDS)
            asked = room.clock.monotonic()
            try:
                news = await self.gateway.query(ref)
            except (GatewayUnavailable, GatewayRefused) as error:
                log.warning("%s: %s is asked for: %s", self.name, ref.client_id, error)
                continue
            if news is not None:
                room.recorder.put([Record(self.account, news)])
                await self._hearing.fetch(news)
                return news
            if asked >= certain:
                text = "the exchange does not know it"
                body = OrderNeverSent(ref.client_id, text, room.clock.now_ms())
                room.recorder.put([Record(self.account, body)])
                return None

    async def changed(self, ref: OrderRef, job: Awaitable[Outcome]) -> Outcome:
        """Wait for something that changes an order, and record the state it led to.

        Where that is not told, the order is asked for.
        """
        outcome = await job
        if outcome.news is not None:
            self._room.recorder.put([Record(self.account, outcome.news)])
        elif outcome.kind != "not_sent":
            self.ask_later(ref)
        self._keep(outcome.fills)
        self._hearing.learned(outcome.news, outcome.fills)
        return outcome

    def status(self) -> dict[str, Any]:
        """Return what people are told of the account's trader."""
        return {
            "account": self.name,
            "ready": self.ready,
            "stream": self._stream_up,
            "compared_at": self.compared_at or None,
            "asking": len(self._asking),
            "problem": self.problem,
        }
