"""Is a series fit to learn from? Every broken rule names row, time, column and value.

Whole columns at a time: half a million rows of thirty columns take a fraction of a
second. What is found wrong is counted whole and the first rows are kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput

SHOWN = 20
OHLC = ("open", "high", "low", "close")


@dataclass(frozen=True, order=True)
class BadRow:
    """One broken rule; ``row`` counts from 0, ``time`` is in ms since the epoch."""

    row: int
    time: int
    column: str
    value: float
    rule: str

    def __str__(self) -> str:
        return (
            f"row {self.row} (time {self.time}): {self.column} = {self.value:g}: "
            f"{self.rule}"
        )


class BadData(InvalidInput):
    """A series breaks rules; ``rows`` are the first, ``total`` counts all."""

    def __init__(self, name: str, rows: Sequence[BadRow], total: int) -> None:
        more = f"; and {total - len(rows)} more" if total > len(rows) else ""
        super().__init__(name, f"{total} values", "; ".join(map(str, rows)) + more)
        self.rows, self.total = tuple(rows), total


def check_series(
    name: str,
    values: NDArray[np.floating[Any]],
    times: NDArray[np.int64],
    columns: Sequence[str],
    *,
    step_ms: int | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Raise ``BadData`` unless the series (bars, columns) is fit to learn from.

    Values are finite, and within ``ranges`` (column → least, most) where given; times
    rise without repetition, and with ``step_ms`` without a gap; columns named open,
    high, low, close agree with each other.
    """
    found: list[BadRow] = []
    total = 0
    for rows, column, rule in _broken(values, times, list(columns), step_ms, ranges):
        total += len(rows)
        at = list(columns).index(column) if column != "time" else -1
        for row in rows[:SHOWN].tolist():
            value = float(times[row]) if at < 0 else float(values[row, at])
            found.append(BadRow(row, int(times[row]), column, value, rule))
    if total:
        found.sort(key=lambda one: (one.row, one.column))
        raise BadData(name, found[:SHOWN], total)


Rows = NDArray[np.intp]


def _broken(
    values: NDArray[np.floating[Any]],
    times: NDArray[np.int64],
    columns: list[str],
    step_ms: int | None,
    ranges: Mapping[str, tuple[float, float]] | None,
) -> Iterator[tuple[Rows, str, str]]:
    """Yield (rows, column, rule) of every rule that is broken anywhere."""
    yield from _not_finite(values, columns)
    yield from _out_of_range(values, columns, ranges or {})
    yield from _contradictory(values, columns)
    yield from _times(times, step_ms)


def _not_finite(
    values: NDArray[np.floating[Any]], columns: list[str]
) -> Iterator[tuple[Rows, str, str]]:
    # The sum of a row is finite only when its values are: as quick as looking whether
    # all are finite, and it says where. Sums that overflow are looked at and dropped.
    with np.errstate(over="ignore", invalid="ignore"):
        sums = values @ np.ones(values.shape[1], dtype=values.dtype)
    rows = np.flatnonzero(~np.isfinite(sums))
    suspects = values[rows]
    nan = np.isnan(suspects)
    for mask, rule in (
        (nan, "must not be NaN"),
        (~np.isfinite(suspects) & ~nan, "must be finite"),
    ):
        for at in np.flatnonzero(mask.any(axis=0)).tolist():
            yield rows[mask[:, at]], columns[at], rule


def _out_of_range(
    values: NDArray[np.floating[Any]],
    columns: list[str],
    ranges: Mapping[str, tuple[float, float]],
) -> Iterator[tuple[Rows, str, str]]:
    for column, (least, most) in ranges.items():
        if column not in columns:
            raise InvalidInput("ranges", column, "is no column of the series")
        one = values[:, columns.index(column)]
        rows = np.flatnonzero((one < least) | (one > most))
        if len(rows):
            yield rows, column, f"must be {least:g} to {most:g}"


def _contradictory(
    values: NDArray[np.floating[Any]], columns: list[str]
) -> Iterator[tuple[Rows, str, str]]:
    if not set(OHLC) <= set(columns):
        return
    prices = (values[:, columns.index(name)] for name in OHLC)
    # A column lies scattered over the rows: gathered once, read often.
    open_, high, low, close = map(np.ascontiguousarray, prices)
    above = np.maximum(open_, close) > high
    below = np.minimum(open_, close) < low
    for mask, column, rule in (
        (above, "high", "must be the largest price"),
        (below, "low", "must be the smallest price"),
    ):
        rows = np.flatnonzero(mask)
        if len(rows):
            yield rows, column, rule


def _times(
    times: NDArray[np.int64], step_ms: int | None
) -> Iterator[tuple[Rows, str, str]]:
    steps = np.diff(times)
    checks = [
        (steps == 0, "must not be repeated"),
        (steps < 0, "must be later than the row before"),
    ]
    if step_ms is not None:
        checks.append(
            ((steps > 0) & (steps != step_ms), f"must follow {step_ms} ms after it")
        )
    for mask, rule in checks:
        rows = np.flatnonzero(mask) + 1
        if len(rows):
            yield rows, "time", rule
