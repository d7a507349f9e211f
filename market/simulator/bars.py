"""Bars of every interval as exact sums of trades, with what was computed kept."""

import numpy as np

from market.simulator.cache import Recent
from market.simulator.hashing import Ints
from market.simulator.intervals import DAY, FIXED, MINUTE, bar_end, bar_open
from market.simulator.prices import DAY_MINUTES, FIRST_DAY
from market.simulator.symbols import Symbol
from market.simulator.trades import (
    CLOSE,
    COLUMNS,
    HIGH,
    LOW,
    OPEN,
    VOLUME,
    TradeTape,
)

QUARTER = 15 * MINUTE
_QUARTERS = DAY // QUARTER


def merge_rows(rows: Ints, group: int) -> Ints:
    """Bars of ``group`` rows each. Shape [n x group, COLUMNS] to [n, COLUMNS]."""
    if group == 1:
        return rows
    blocks = rows.reshape(-1, group, COLUMNS)
    merged = np.empty((len(blocks), COLUMNS), dtype=np.int64)
    merged[:, OPEN] = blocks[:, 0, OPEN]
    merged[:, HIGH] = blocks[:, :, HIGH].max(axis=1)
    merged[:, LOW] = blocks[:, :, LOW].min(axis=1)
    merged[:, CLOSE] = blocks[:, -1, CLOSE]
    merged[:, VOLUME:] = blocks[:, :, VOLUME:].sum(axis=1)
    return merged


class BarHistory:
    """Bars out of the tape. Times are ms since epoch; ``until`` is exclusive."""

    def __init__(self, tape: TradeTape) -> None:
        self._tape = tape
        self._minute_days: Recent[tuple[int, int], Ints] = Recent(320)
        self._quarter_days: Recent[tuple[int, int], Ints] = Recent(8192)
        self._symbols: dict[int, Symbol] = {}

    def known(self, symbol: Symbol, interval: str, day: int) -> bool:
        """Whether that day needs no computing."""
        fine = interval in FIXED and FIXED[interval] < QUARTER
        entry = (symbol.rank, day)
        return entry in self._minute_days or (not fine and entry in self._quarter_days)

    def closed(self, symbol: Symbol, interval: str, start: int, until: int) -> Ints:
        """Whole bars that open in [start, until); both must be bar boundaries."""
        if until <= start:
            return np.empty((0, COLUMNS), dtype=np.int64)
        length = FIXED.get(interval)
        if length is not None and length < QUARTER:
            rows = self._rows(symbol, start, until, MINUTE)
            return merge_rows(rows, length // MINUTE)
        rows = self._rows(symbol, start, until, QUARTER)
        if length is not None:
            return merge_rows(rows, length // QUARTER)
        return self._months(rows, start, until)

    def open_bar(self, symbol: Symbol, interval: str, minute: int) -> Ints:
        """The bar that holds the minute, out of the minutes before it.

        Shape [1, COLUMNS], or [0, COLUMNS] when the minute begins the bar.
        """
        now = minute * MINUTE
        start = bar_open(interval, now)
        quarter = max(start, now // QUARTER * QUARTER)
        parts = []
        if quarter > start:
            rows = self._rows(symbol, start, quarter, QUARTER)
            parts.append(merge_rows(rows, len(rows)))
        if now > quarter:
            rows = self._rows(symbol, quarter, now, MINUTE)
            parts.append(merge_rows(rows, len(rows)))
        if not parts:
            return np.empty((0, COLUMNS), dtype=np.int64)
        joined = np.concatenate(parts)
        return merge_rows(joined, len(joined))

    def minutes(self, symbol: Symbol, start: int, until: int) -> Ints:
        return self._rows(symbol, start, until, MINUTE)

    def forget_from(self, day: int) -> None:
        for kept in (self._minute_days, self._quarter_days):
            kept.drop(lambda entry: entry[1] >= day)

    def _months(self, rows: Ints, start: int, until: int) -> Ints:
        months = []
        opened = start
        while opened < until:
            end = bar_end("1M", opened)
            part = rows[(opened - start) // QUARTER : (end - start) // QUARTER]
            months.append(merge_rows(part, len(part)))
            opened = end
        return np.concatenate(months)

    def _rows(self, symbol: Symbol, start: int, until: int, length: int) -> Ints:
        first, last = start // DAY, (until - 1) // DAY
        make = self._make_minutes if length == MINUTE else self._make_quarters
        kept = self._minute_days if length == MINUTE else self._quarter_days
        self._symbols[symbol.rank] = symbol
        days = [
            kept.get_or_make((symbol.rank, day), make)
            for day in range(max(first, FIRST_DAY), last + 1)
        ]
        rows = days[0] if len(days) == 1 else np.concatenate(days)
        skip = (start - first * DAY) // length
        return rows[skip : skip + (until - start) // length]

    def _make_minutes(self, entry: tuple[int, int]) -> Ints:
        rank, day = entry
        return self._tape.minute_bars(self._symbols[rank], day)

    def _make_quarters(self, entry: tuple[int, int]) -> Ints:
        rows = self._minute_days.get_or_make(entry, self._make_minutes)
        return merge_rows(rows, DAY_MINUTES // _QUARTERS)
