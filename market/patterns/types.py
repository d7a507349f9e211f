"""Losses, occasions and the patterns found in them."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

CURRENT_PERIODS = 3


class PatternKind(StrEnum):
    """What comes back; an earlier kind explains what a later one also would."""

    HOUR_OF_DAY = "hour_of_day"
    MINUTE_OF_HOUR = "minute_of_hour"
    CONNECTION_AGE = "connection_age"


Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Loss:
    """A live connection was lost ``at`` (ms since the epoch), ``age_seconds`` old."""

    at: int
    connection: str
    age_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A recurrence with its evidence.

    ``start_seconds`` and ``width_seconds`` are the window: seconds after the full hour
    or after 00:00 UTC, or an age. ``occasions`` of ``of`` whole periods (for ages: of
    the occasions in the neighbourhood) were in it, ``expected`` by chance;
    ``p_value`` is corrected for everything tried. ``times`` in ms, ``connections`` as
    far as known, ``lookback_seconds`` back from the end.
    """

    kind: PatternKind
    start_seconds: float
    width_seconds: float
    occasions: int
    of: int
    expected: float
    p_value: float
    lookback_seconds: float
    period_seconds: float
    times: tuple[int, ...]
    connections: tuple[str, ...]

    @property
    def middle_seconds(self) -> float:
        """The middle of the window."""
        return (self.start_seconds + self.width_seconds / 2) % (
            self.period_seconds
            if self.kind is not PatternKind.CONNECTION_AGE
            else math.inf
        )

    def current(self, until_ms: int) -> bool:
        """Whether the last occasion is so recent that the next may be expected."""
        return until_ms - self.times[-1] <= CURRENT_PERIODS * self.period_seconds * 1000

    def as_dict(self) -> dict[str, Any]:
        """Return the pattern as plain values, with a sentence for people."""
        return {**asdict(self), "kind": self.kind.value, "summary": self.summary()}

    def summary(self) -> str:
        """Return what was found in one sentence."""
        return (
            f"Connections are lost again and again {self._when()}: "
            f"{self.occasions} of {self.of} {self._counted()}, "
            f"{self.expected:.2g} expected by chance (p = {self.p_value:.1g})"
        )

    def _when(self) -> str:
        first, last = self.start_seconds, self.start_seconds + self.width_seconds
        if self.kind is PatternKind.MINUTE_OF_HOUR:
            minute, second = divmod(int(self.middle_seconds), 60)
            return f"about {minute} min {second:02d} s past the full hour"
        if self.kind is PatternKind.HOUR_OF_DAY:
            return f"between {clock_text(first)} and {clock_text(last)} UTC"
        return f"at an age of {first:.0f} to {last:.0f} s"

    def _counted(self) -> str:
        return {
            PatternKind.MINUTE_OF_HOUR: "hours",
            PatternKind.HOUR_OF_DAY: "days",
            PatternKind.CONNECTION_AGE: "losses at about that age",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class Occasion:
    """Losses within a minute; the age is that of the first whose age is known."""

    at: int
    age_seconds: float | None
    connections: tuple[str, ...]


def connection_names(inside: Iterable[Occasion]) -> tuple[str, ...]:
    return tuple(sorted({name for item in inside for name in item.connections}))


def clock_text(seconds: float) -> str:
    minutes = round(seconds / 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
