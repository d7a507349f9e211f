"""The desks of this process: one per account that may trade, opened and closed as the
accounts change. A desk that fails is opened again, later and later; the others go on.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from channels.db import database_sync_to_async

from accounts import execution_facts as read
from accounts.desk import Desk, Room
from accounts.gateway import Gateway
from accounts.models import ExchangeAccount
from core.errors import QuantaiError
from core.patience import patient

log = logging.getLogger(__name__)

FIRST_AGAIN_SECONDS, LAST_AGAIN_SECONDS = 1.0, 60.0
LOOK_SECONDS = 0.05
Make = Callable[[ExchangeAccount], Awaitable[Gateway]]


@dataclass(frozen=True)
class _Running:
    """A desk's task, and what it was made from."""

    made_from: tuple[str, ...]
    task: asyncio.Task[None]


class Desks:
    """``open`` holds the desks by account id, while their gateways are there."""

    def __init__(self, venue: str, make: Make, room: Room) -> None:
        self._venue = venue
        self._make = make
        self._room = room
        self._running: dict[int, _Running] = {}
        self.open: dict[int, Desk] = {}
        self.problems: dict[str, str] = {}
        self._read = False

    async def refresh(self) -> None:
        """Open, close and replace desks as the accounts say; raises database errors."""
        rows = await database_sync_to_async(_accounts)(self._venue)
        wanted = {row.id: row for row in rows}
        for number, running in list(self._running.items()):
            row = wanted.get(number)
            if row is None or _made_from(row) != running.made_from:
                await self._close([number])
        for number, row in wanted.items():
            if number not in self._running:
                task = asyncio.create_task(self._keep(row), name=f"desk-{row.name}")
                self._running[number] = _Running(_made_from(row), task)
        self._read = True

    async def settled(self, seconds: float) -> None:
        """Wait until every account is open or known to be shut, no longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._unsettled():  # noqa: ASYNC110 - many things settle a desk
                    await asyncio.sleep(LOOK_SECONDS)

    def _unsettled(self) -> bool:
        known = {desk.name for desk in self.open.values() if desk.ready or desk.problem}
        known |= self.problems.keys()
        return not self._read or len(known) < len(self._running)

    async def close(self) -> None:
        """Close them all."""
        await self._close(list(self._running))

    async def _close(self, numbers: Iterable[int]) -> None:
        ended = [self._running.pop(number) for number in numbers]
        for one in ended:
            one.task.cancel()
        await asyncio.gather(*(one.task for one in ended), return_exceptions=True)
        for one in ended:
            self.problems.pop(one.made_from[0], None)

    async def _keep(self, account: ExchangeAccount) -> None:
        """Run the account's desk until cancelled."""
        again = FIRST_AGAIN_SECONDS
        while True:
            begun = self._room.clock.monotonic()
            try:
                await self._run(account)
            except QuantaiError as error:
                self._tell(account.name, str(error))
            except Exception as error:
                log.exception("the desk of %s failed", account.name)
                self._tell(account.name, f"its desk failed: {error}")
            if self._room.clock.monotonic() - begun > LAST_AGAIN_SECONDS:
                again = FIRST_AGAIN_SECONDS
            await asyncio.sleep(again)
            again = min(2 * again, LAST_AGAIN_SECONDS)

    def _tell(self, name: str, problem: str) -> None:
        if self.problems.get(name) != problem:
            log.error("%s is closed: %s", name, problem)
        self.problems[name] = problem

    async def _run(self, account: ExchangeAccount) -> None:
        gateway = await self._make(account)
        # What a crash left in the air is asked for first of all.
        unsure = await patient(read.unsure_orders, account.id)
        desk = Desk(account.id, gateway, self._room, unsure)
        self.open[account.id] = desk
        self.problems.pop(account.name, None)
        try:
            await desk.run()
        finally:
            self.open.pop(account.id, None)


def _accounts(venue: str) -> list[ExchangeAccount]:
    return list(ExchangeAccount.objects.filter(venue=venue))


def _made_from(row: ExchangeAccount) -> tuple[str, ...]:
    """What a gateway is made from: when it changes, the gateway is made anew."""
    return (
        row.name,
        row.mode,
        str(row.live_enabled),
        row.key_hint,
        str(row.key_set_at),
    )
