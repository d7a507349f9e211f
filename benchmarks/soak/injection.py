"""Carries a plan out: arms faults at the exchange, strikes processes, ends both."""

import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.soak.exchange import Exchange
from benchmarks.soak.plant import Plant
from benchmarks.soak.recipes import BARS, MUTED_SECONDS
from benchmarks.soak.schedule import Planned


@dataclass
class Injected:
    """A fault that struck; times in ms since the epoch, ``ended_ms`` 0 while it lasts."""

    planned: Planned
    armed_ms: int
    due_ms: int
    ended_ms: int = 0
    armed: list[int] = field(default_factory=list)
    hits: int = 0
    restarting: bool = False

    @property
    def lasts(self) -> bool:
        """Whether it still goes on."""
        return self.ended_ms == 0


class Injector:
    """One fault after the other, or several at a time.

    ``ready`` tells whether a program that was started again serves.
    """

    def __init__(
        self, plant: Plant, exchange: Exchange, ready: Callable[[str], bool]
    ) -> None:
        self._plant = plant
        self._exchange = exchange
        self._ready = ready

    def begin(self, planned: Planned) -> Injected:
        """Let a fault strike now."""
        seconds = planned.seconds
        if not planned.recipe.process:
            seconds = max(seconds, float(planned.options.get("seconds") or 0))
            seconds = 0 if planned.kind == "forget_stream" else seconds
        now = _now_ms()
        injected = Injected(planned, now, now + int(seconds * 1000))
        if planned.recipe.process:
            self._strike(planned)
            injected.hits = 1
        else:
            injected.armed = self._arm(planned)
        return injected

    def end_when_due(self, injected: Injected) -> None:
        """Take back what lasts once it is time; what was broken stays broken.

        The outage of an exchange or of Redis ends when it serves again.
        """
        if injected.ended_ms or _now_ms() < injected.due_ms:
            return
        name = injected.planned.recipe.process
        if not name:
            self._disarm(injected)
        elif injected.planned.kind == "feed_pause":
            self._plant.release(name)
        else:
            if not injected.restarting:
                self._plant.start(name)
                injected.restarting = True
            if not self._ready(name):
                return
        injected.ended_ms = _now_ms()

    def _strike(self, planned: Planned) -> None:
        name = planned.recipe.process
        if planned.kind == "feed_pause":
            self._plant.hold(name)
        else:
            self._plant.kill(name)

    def _arm(self, planned: Planned) -> list[int]:
        """Arm the fault, and what it needs in order to be met."""
        recipe = planned.recipe
        options: dict[str, Any] = {"kind": planned.kind, **planned.options}
        if recipe.lasts:
            # The end comes from here; this is for a soak that is gone by then.
            options["for"] = planned.seconds + 1
        if recipe.one_of_many:
            options |= self._picked(planned)
        numbers = [self._exchange.arm(options)]
        if recipe.with_mute:
            mute = {"kind": "mute", "stream": BARS, "for": MUTED_SECONDS}
            numbers.append(self._exchange.arm(mute))
        if recipe.with_cut:
            numbers.append(self._exchange.arm({"kind": "rst", **self._picked(planned)}))
        return numbers

    def _picked(self, planned: Planned) -> dict[str, int]:
        """Return one of the open connections, as the plan's draw has it."""
        if planned.pick is None:
            return {}
        found = self._exchange.connections()
        if not found:
            return {}
        return {"connection": found[int(planned.pick * len(found))]}

    def _disarm(self, injected: Injected) -> None:
        try:
            hits = self._exchange.hits()
            injected.hits = hits.get(injected.armed[0], 0)
            for number in injected.armed:
                self._exchange.disarm(number)
        except urllib.error.URLError:
            # Only when faults overlap: the exchange is down and took them along.
            injected.hits = max(injected.hits, 0)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
