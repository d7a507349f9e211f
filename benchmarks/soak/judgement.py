"""What became of the faults that struck: each with its share of what was seen."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.soak import outcome, verify
from benchmarks.soak.injection import Injected
from benchmarks.soak.outcome import Outcome, Window
from benchmarks.soak.recipes import SLOW_SECONDS
from benchmarks.soak.report import FaultLine
from benchmarks.soak.schedule import Planned
from benchmarks.soak.watch import VENUE, Watcher
from market.domain.candles import INTERVAL_MS

# Longer than any recovery that is not a defect; then the next fault comes anyway.
PATIENCE_SECONDS: Final = 20.0
PATIENCE_MS: Final = int(PATIENCE_SECONDS * 1000)
SLOW_MS: Final = int(SLOW_SECONDS * 1000)


@dataclass(frozen=True)
class Start:
    """The moment at which the run began, on both clocks, in ms."""

    at: int
    exchange: int
    speed: float

    def simulated(self, at_ms: int) -> float:
        """Return the exchange's time at ``at_ms`` of this machine's clock."""
        return self.exchange + (at_ms - self.at) * self.speed


class Judgement:
    """Puts signs, losses and recoveries down to faults."""

    def __init__(
        self, watcher: Watcher, streams: int, start: Start, *, overlap: bool
    ) -> None:
        self._watcher = watcher
        self._streams = streams
        self._start = start
        self._overlap = overlap

    def settled(self, injected: Sequence[Injected]) -> bool:
        """Whether the last fault is over and everything lives again, or takes too long.

        Nobody waits for a stream that must fall silent first.
        """
        *before, last = injected
        if last.lasts or last.planned.recipe.slow:
            return not last.lasts
        now = _now_ms()
        if now - last.ended_ms > PATIENCE_MS:
            return True
        recovered = self._judge(last, before, now).recovered_ms
        # A loss that is found late would otherwise be put down to the next fault.
        return recovered is not None and now - last.ended_ms > 1_000

    def lines(self, injected: Sequence[Injected]) -> list[FaultLine]:
        """Return what is told of each; a fault's time ends when the next begins."""
        ends = [*[each.armed_ms for each in injected], _now_ms()]
        return [
            self._line(each, injected[:number], ends[number + 1])
            for number, each in enumerate(injected)
        ]

    def _line(
        self, injected: Injected, before: Sequence[Injected], until_ms: int
    ) -> FaultLine:
        planned = injected.planned
        found = self._judge(injected, before, until_ms)
        return FaultLine(
            number=planned.number,
            at_seconds=round((injected.armed_ms - self._start.at) / 1000, 2),
            fault=str(planned),
            kind=planned.kind,
            group=_group(planned),
            hits=injected.hits,
            sign=found.sign,
            detected_seconds=_seconds(found.detected_ms),
            recovered=found.recovered_ms is not None,
            recovered_seconds=(
                _seconds(found.recovered_ms) if found.interrupted else None
            ),
        )

    def _judge(
        self, injected: Injected, before: Sequence[Injected], until_ms: int
    ) -> Outcome:
        armed_ms, planned = injected.armed_ms, injected.planned
        stream = ""
        if planned.recipe.slow:
            stream = planned.options["stream"]
            until_ms = armed_ms + SLOW_MS
        ended_ms = injected.ended_ms or until_ms
        horizon_ms = until_ms
        if self._overlap or stream:
            horizon_ms = max(until_ms, ended_ms) + PATIENCE_MS
        silent = [
            each
            for each in before
            if each.planned.recipe.slow and armed_ms - each.armed_ms < SLOW_MS
        ]
        spare = 0 if stream else len(silent)
        window = Window(armed_ms, ended_ms, until_ms, horizon_ms, stream, spare)
        return outcome.judge(
            window,
            self._watcher.samples,
            self._watcher.events,
            self._gaps_of(window),
            self._streams,
        )

    def _gaps_of(self, window: Window) -> list[tuple[int, str]]:
        """The ledger's rows that began while the fault was on."""
        first, last = map(self._start.simulated, (window.armed, window.ended))
        return [
            (row["detected_at"], f"gap of {row['kind']}")
            for row in verify.gap_rows(VENUE)
            if _began_between(row, first, last, window)
        ]


def _began_between(
    row: dict[str, Any], first: float, last: float, window: Window
) -> bool:
    if row["kind"] == "aggTrade":
        return bool(window.armed <= row["detected_at"] < window.until)
    # Its first bar closed, or should have, during the fault.
    length = INTERVAL_MS[row["interval"]]
    return bool(first <= row["first"] + length <= last + length)


def _group(planned: Planned) -> str:
    if planned.recipe.process:
        return "process"
    return "silence" if planned.recipe.slow else "connection"


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else round(milliseconds / 1000, 3)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
