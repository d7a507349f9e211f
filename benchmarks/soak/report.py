"""The report of a soak: for people, for programs, for docs/soak.md."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.soak.memory import LEAST_SECONDS, Point, Slope
from benchmarks.soak.outcome import Reconnects
from benchmarks.soak.verify import Verdict
from core.benchmark import Bound, Row, at_least, at_most

SUCCESS_PERCENT = at_least(95)
RECOVERY_SECONDS = at_most(5)


@dataclass(frozen=True)
class FaultLine:
    """One fault as it is told; seconds are real ones.

    ``recovered_seconds`` is None when it interrupted no stream, or for ever.
    """

    number: int
    at_seconds: float
    fault: str
    kind: str
    group: str
    hits: int
    sign: str
    detected_seconds: float | None
    recovered: bool
    recovered_seconds: float | None


@dataclass(frozen=True)
class Run:
    """What was asked for and what happened in time."""

    hours: float
    simulated_hours: float
    speed: float
    seed: int
    symbols: int
    intervals: tuple[str, ...]
    watched: int
    seconds: float
    planned: int
    interrupted: bool
    collapsed: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """All that a soak found."""

    run: Run
    faults: Sequence[FaultLine]
    reconnects: Reconnects
    verdict: Verdict
    slope: Slope | None
    memory: Sequence[Sequence[Point]] = ()

    @property
    def lost(self) -> bool:
        """Whether data was lost, something never came back, or nothing was compared."""
        unrecovered = any(not line.recovered for line in self.faults)
        empty = self.verdict.bars == 0 and not self.run.interrupted
        return self.verdict.lost or unrecovered or empty or bool(self.run.collapsed)

    def rows(self) -> list[Row]:
        """Return the results with their bounds, in the bench's own form."""
        kinds = len({line.kind for line in self.faults})
        injected = Row(
            "faults injected",
            len(self.faults),
            detail=f"of {self.run.planned}, of {kinds} kinds",
        )
        return [injected, *self._losses(), *self._times(), *self._others()]

    def as_document(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "run": asdict(self.run),
            "lost": self.lost,
            "rows": [
                {**asdict(row), "verdict": row.verdict, "must": _text(row.must)}
                for row in self.rows()
            ],
            "verdict": self.verdict.as_dict(),
            "reconnects": {
                **asdict(self.reconnects),
                "success_rate": self.reconnects.success_rate,
            },
            "memory": None if self.slope is None else asdict(self.slope),
            "memory_points": self.memory,
            "faults": [asdict(line) for line in self.faults],
        }

    def _losses(self) -> Iterator[Row]:
        found = self.verdict
        nothing = at_most(0)
        yield Row(
            "closed candles missing",
            found.missing,
            must=nothing,
            detail=f"of {found.bars:,} in {found.series} series",
        )
        yield Row("values other than the exchange's", found.wrong, must=nothing)
        twice = found.duplicates + found.invented
        yield Row("candles twice or not of the exchange", twice, must=nothing)
        yield Row(
            "watched trades missing",
            found.trades_missing,
            must=nothing,
            detail=f"{found.trades:,} seen; {found.trades_wrong} wrong or twice",
        )
        opened = found.gaps_filled + found.gaps_unfillable + found.gaps_open
        yield Row(
            "gaps still open",
            found.gaps_open,
            must=nothing,
            detail=(
                f"{opened} opened, {found.gaps_filled} filled, "
                f"{found.gaps_unfillable} unfillable"
            ),
        )
        yield Row(
            "faults not recovered from",
            sum(not line.recovered for line in self.faults),
            must=nothing,
        )
        yield Row(
            "processes that ended by themselves",
            len(self.run.collapsed),
            must=nothing,
            detail=", ".join(self.run.collapsed),
        )

    def _times(self) -> Iterator[Row]:
        noticed = _seconds(line.detected_seconds for line in self.faults)
        silent = len(self.faults) - len(noticed)
        about = f"{len(noticed)} noticed, {silent} not noticed"
        yield from _quantiles("time to detect", noticed, about)
        for group, bound in (
            ("connection", RECOVERY_SECONDS),
            ("process", None),
            ("silence", None),
        ):
            values = _seconds(
                line.recovered_seconds for line in self.faults if line.group == group
            )
            yield from _quantiles(
                f"time to recover, {group}",
                values,
                f"{len(values)} interrupted streams",
                bound,
            )

    def _others(self) -> Iterator[Row]:
        found = self.reconnects
        rate = found.success_rate
        yield Row(
            "reconnects that succeeded",
            None if rate is None else rate * 100,
            "%",
            must=SUCCESS_PERCENT,
            detail=(
                f"{found.ended} of {found.interruptions} interruptions; "
                f"{found.dials_with_data} of {found.dials} dials brought data"
            ),
        )
        line = self.slope
        if line is None or not line.judged:
            why = f"needs {LEAST_SECONDS:.0f} s of one life of the feed"
            yield Row("memory slope of the feed", None, "MB/h", detail=why)
            return
        yield Row(
            "memory slope of the feed",
            line.mb_per_hour,
            "MB/h",
            must=at_most(line.allowed),
            detail=(
                f"± {line.error:.1f}; {line.first_mb:.1f} to {line.last_mb:.1f} MB "
                f"in {line.seconds:.0f} s"
            ),
        )


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least ``share`` of them do not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def markdown(report: Report) -> list[str]:
    """Return the tables of docs/soak.md."""
    run = report.run
    lines = [
        f"{run.simulated_hours:.1f} simulated hours at speed {run.speed:g} in "
        f"{run.seconds:.0f} s, seed {run.seed}; {run.symbols} symbols × "
        f"{', '.join(run.intervals)}, {run.watched} watched.",
        "",
        "| measured | value | must | |",
        "|---|--:|--:|---|",
    ]
    for row in report.rows():
        value = "–" if row.value is None else f"{row.value:.3g} {row.unit}".strip()
        lines.append(f"| {row.name} | {value} | {_text(row.must)} | {row.detail} |")
    lines += [
        "",
        "| fault | times | hits | noticed by | detect p50 / max | recover p50 / max |",
        "|---|--:|--:|---|--:|--:|",
    ]
    for kind in sorted({line.kind for line in report.faults}):
        lines.append(_kind_line([each for each in report.faults if each.kind == kind]))
    return lines


def _kind_line(lines: list[FaultLine]) -> str:
    signs = sorted({line.sign for line in lines if line.sign})
    silent = sum(not line.sign for line in lines)
    told = ", ".join(signs)
    if silent:
        told = f"{told}; {silent} not noticed" if told else "not noticed"
    detected = _seconds(line.detected_seconds for line in lines)
    recovered = _seconds(line.recovered_seconds for line in lines)
    hits = sum(line.hits for line in lines)
    return (
        f"| {lines[0].kind} | {len(lines)} | {hits} | {told} | {_span(detected)} | "
        f"{_span(recovered)} |"
    )


def _span(values: Sequence[float]) -> str:
    middle = percentile(values, 0.5)
    return "–" if middle is None else f"{middle:.1f} / {max(values):.1f} s"


def _seconds(values: Any) -> list[float]:
    return [value for value in values if value is not None]


def _quantiles(
    name: str, values: Sequence[float], about: str, bound: Bound | None = None
) -> Iterator[Row]:
    yield Row(f"{name}, p50", percentile(values, 0.5), "s", detail=about)
    yield Row(f"{name}, p99", percentile(values, 0.99), "s", must=bound)


def _text(bound: Bound | None) -> str:
    return "" if bound is None else str(bound)
