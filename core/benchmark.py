"""The frame of measurements: variants in turn, ratios of a round, rows with bounds.

A shared machine has fast and slow phases, so absolute values say little. A variant
and its reference are measured in the same round, and what counts is the median of
the ratios of the rounds. A calibration loop around every measurement tells how much
the machine itself wandered.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypeVar

CALIBRATION_STEPS = 400_000

Measurement = TypeVar("Measurement")


@dataclass(frozen=True)
class Bound:
    """A limit that a value keeps: not above it, or not below it."""

    limit: float
    at_least: bool = False

    def holds(self, value: float) -> bool:
        """Whether ``value`` is on the right side."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


def at_most(limit: float) -> Bound:
    """Return a bound from above."""
    return Bound(limit)


def at_least(limit: float) -> Bound:
    """Return a bound from below."""
    return Bound(limit, at_least=True)


@dataclass(frozen=True)
class Row:
    """One result. ``value`` is None when it could not be measured here.

    ``detail`` says what the value was made of, the reference's own figure included.
    """

    name: str
    value: float | None
    unit: str = ""
    must: Bound | None = None
    target: Bound | None = None
    detail: str = ""

    @property
    def missed(self) -> bool:
        """Whether a "must" was measured and not kept."""
        return (
            self.must is not None
            and self.value is not None
            and not self.must.holds(self.value)
        )

    @property
    def verdict(self) -> str:
        """``target``, ``must``, ``MISSED``, ``absent``, or nothing without bounds."""
        if self.value is None:
            return "absent"
        if self.missed:
            return "MISSED"
        if self.target is not None and self.target.holds(self.value):
            return "target"
        return "must" if self.must is not None else ""


@dataclass
class Session:
    """One run of a benchmark: how thorough it is, and what was seen on the way."""

    rounds: int
    quick: bool = False
    say: Callable[[str], None] = lambda line: None
    gauge: Callable[[], float] = lambda: calibrate()
    calibration_ms: list[float] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def interleave(
        self, label: str, variants: Mapping[str, Callable[[], Measurement]]
    ) -> dict[str, list[Measurement]]:
        """Measure each variant once a round; each round begins with another one."""
        found: dict[str, list[Measurement]] = {name: [] for name in variants}
        names = list(variants)
        for number in range(self.rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                self.calibration_ms.append(self.gauge())
                found[name].append(variants[name]())
                self.say(f"{label}: round {number + 1}/{self.rounds}, {name}")
        self.calibration_ms.append(self.gauge())
        self.raw[label] = found
        return found


class MeasurementError(Exception):
    """A process of a measurement failed; the text holds the end of its output."""


class Benchmark(Protocol):
    """Something measurable: ``run`` measures it and returns its rows."""

    name: str
    default_rounds: int

    def run(self, session: Session) -> list[Row]:
        """Measure; every process it starts has ended when it returns.

        Raises ``MeasurementError``.
        """


def calibrate() -> float:
    """Return how long a fixed loop takes, ms: the speed of the machine just now."""
    before = time.perf_counter()
    total = 0
    for step in range(CALIBRATION_STEPS):
        total += step & 7
    return (time.perf_counter() - before) * 1000


def median_ratio(values: Sequence[float], references: Sequence[float]) -> float:
    """Return the median over the rounds of value / reference."""
    return statistics.median(
        value / reference for value, reference in zip(values, references, strict=True)
    )


def table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a table: value, must, target, verdict, detail."""
    cells = [("measured", "value", "must", "target", "result", "detail")]
    cells += [
        (
            row.name,
            "–" if row.value is None else f"{row.value:,.4g} {row.unit}".strip(),
            str(row.must or ""),
            str(row.target or ""),
            row.verdict,
            row.detail,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    return [
        "  ".join(
            [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
            + [line[5]]
        ).rstrip()
        for line in cells
    ]


def as_document(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as plain values."""
    return [
        {
            **asdict(row),
            "must": str(row.must or ""),
            "target": str(row.target or ""),
            "verdict": row.verdict,
        }
        for row in rows
    ]
