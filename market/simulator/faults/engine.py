"""The faults of a running exchange: armed, counted, ended."""

import asyncio
import random
import time
from pathlib import Path
from typing import Final, Protocol

from aiohttp import web

from market.simulator.accounts.side import AccountSide
from market.simulator.exchange import Exchange
from market.simulator.faults.answers import (
    HANDSHAKES,
    REQUESTS,
    change,
    refusal,
)
from market.simulator.faults.armed import Armed
from market.simulator.faults.doors import Doors, hang
from market.simulator.faults.events import Events
from market.simulator.faults.fault import Fault
from market.simulator.faults.kinds import Group
from market.simulator.faults.lines import Lines
from market.simulator.faults.places import Places
from market.simulator.faults.selection import strikes_request
from market.simulator.faults.tap import Tap
from market.simulator.faults.user_events import UserEvents
from market.simulator.hub import Connection, Hub
from market.simulator.records import Damage
from market.simulator.stage import Stage
from market.simulator.streams import Route

PULSE_SECONDS: Final = 0.05
_KEPT: Final = 500


class Player(Protocol):
    """Plays the faults of one group. ``begin`` may raise ValueError to refuse one."""

    def begin(self, armed: Armed) -> None: ...

    def pulse(self, armed: Armed) -> None: ...

    def end(self, armed: Armed) -> None: ...


class Waiting:
    """Faults that strike when a request or a handshake comes."""

    def begin(self, armed: Armed) -> None: ...

    def pulse(self, armed: Armed) -> None: ...

    def end(self, armed: Armed) -> None: ...


class Faults:
    """``arm`` a fault, see its hits in ``listing``, ``disarm`` it.

    Everything random is drawn from (seed, number of the fault), so that the same faults
    armed in the same order see the same draws.
    """

    def __init__(
        self,
        *,
        seed: int,
        exchange: Exchange,
        hub: Hub,
        stage: Stage,
        tls_folder: Path,
        accounts: AccountSide,
    ) -> None:
        self._seed = seed
        self._hub = hub
        self._stage = stage
        self._now = time.monotonic
        self._all: dict[int, Armed] = {}
        self._active: list[Armed] = []
        self._woken = asyncio.Event()
        events = Events(hub, exchange, self._damage_next)
        tap = Tap(hub, events)
        waiting = Waiting()
        self._players: dict[Group, Player] = {
            Group.EVENT: events,
            Group.LINE: Lines(hub, random.Random(f"{seed}:paths")),
            Group.FRAME: tap,
            Group.SUBSCRIPTION: tap,
            Group.DIAL: waiting,
            Group.ARRIVAL: Doors(stage, tls_folder),
            Group.REQUEST: waiting,
            Group.USER_EVENT: waiting,
            Group.EXCHANGE: Places(exchange, hub, tap, accounts),
        }
        self._tap = tap
        accounts.meddler = UserEvents(lambda: list(self._active), accounts.streams)

    # -- control ------------------------------------------------------------------

    def arm(self, fault: Fault) -> int:
        """Arm it and return its number. Raises ValueError when it cannot be."""
        number = len(self._all) + 1
        now = self._now()
        seconds = fault.for_seconds
        if fault.kind == "ban":
            seconds = fault.seconds
        armed = Armed(
            number,
            fault,
            random.Random(f"{self._seed}:{number}"),
            now,
            until=None if seconds is None else now + seconds,
        )
        self._player(armed).begin(armed)
        self._all[number] = armed
        self._active.append(armed)
        if fault.by_message:
            self._tap.begin(armed)
        self.pulse()
        self._woken.set()
        return number

    def disarm(self, number: int) -> None:
        """End it; what it did to a connection that is gone stays done.

        Raises KeyError when there is no such fault.
        """
        self._all[number].ended = True
        self.pulse()

    def disarm_all(self) -> None:
        for armed in self._active:
            armed.ended = True
        self.pulse()

    def reseed(self, seed: int) -> None:
        """Draws of the faults armed from now on."""
        self._seed = seed

    def hits(self, number: int) -> int:
        return self._all[number].hits

    def listing(self) -> list[dict[str, object]]:
        """Every fault that was armed, newest last."""
        now = self._now()
        return [armed.describe(now) for armed in list(self._all.values())[-_KEPT:]]

    # -- life ---------------------------------------------------------------------

    async def run(self) -> None:
        """Pulse while something is armed."""
        while True:
            await self._woken.wait()
            self.pulse()
            if not self._active:
                self._woken.clear()
            await asyncio.sleep(PULSE_SECONDS)

    def pulse(self) -> None:
        """Let each fault look for its chances; end those that are over."""
        now = self._now()
        for armed in list(self._active):
            if armed.until is not None and now >= armed.until:
                armed.ended = True
            if not armed.ended:
                self._player(armed).pulse(armed)
            if armed.ended:
                self._finish(armed)

    def opened(self) -> None:
        """A connection is about to be served: lasting trouble is on it from the start."""
        for armed in list(self._active):
            if armed.fault.spec.group is Group.LINE:
                self._player(armed).pulse(armed)

    def _finish(self, armed: Armed) -> None:
        self._active.remove(armed)
        armed.over = True
        self._player(armed).end(armed)
        if armed.fault.by_message:
            self._tap.end(armed)

    def _player(self, armed: Armed) -> Player:
        return self._players[armed.fault.spec.group]

    def _damage_next(self, connection: Connection, damage: Damage) -> None:
        for link in self._stage.links:
            if link.outer is connection.raw:
                link.records.damage_next(damage)

    # -- HTTP ---------------------------------------------------------------------

    async def handshake(self, route: Route | None) -> web.Response | None:
        """The wrong answer to a handshake, None for the right one."""
        for armed in list(self._active):
            fault = armed.fault
            if fault.kind == "ban" and armed.takes():
                return refusal(HANDSHAKES["418"], armed.remaining(self._now()))
            if fault.spec.group is not Group.DIAL:
                continue
            if fault.route not in (None, route or Route.PUBLIC) or not armed.takes():
                continue
            if fault.kind == "handshake_hang":
                await hang(armed, fault.seconds or 0.0)
                return refusal(HANDSHAKES["503B"], 0.0)
            return refusal(HANDSHAKES[fault.answer or ""], fault.seconds or 0.0)
        return None

    def request(self, path: str, symbol: str) -> Armed | None:
        """The fault that strikes this REST request, if one does."""
        for armed in self._active:
            fault = armed.fault
            if fault.kind == "ban" and armed.takes():
                return armed
            if (
                fault.spec.group is Group.REQUEST
                and strikes_request(fault, path, symbol)
                and armed.takes()
            ):
                return armed
        return None

    async def wrong_answer(self, armed: Armed) -> web.Response | None:
        """What replaces the right answer; None when it must be changed instead."""
        fault = armed.fault
        if fault.kind == "ban":
            return refusal(HANDSHAKES["418"], armed.remaining(self._now()))
        seconds = fault.seconds or 0.0
        if fault.answer == "hang":
            await hang(armed, seconds)
            return refusal(HANDSHAKES["503B"], 0.0)
        answer = REQUESTS[fault.answer or ""]
        return None if answer is None else refusal(answer, seconds)

    async def changed(
        self, armed: Armed, request: web.Request, right: web.Response
    ) -> web.StreamResponse:
        fault = armed.fault
        return await change(request, right, fault.answer or "", fault.seconds or 0.0)
