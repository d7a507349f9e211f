"""Storing checked history beside what is stored already, batch by batch.

Each batch is one transaction, so an import that stops half-way leaves whole bars, and
the next run finds them equal and goes on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

import numpy as np
from django.db import transaction

from market import selectors, services
from market.history.columns import VALUES, Bars, Floats, Ints, Mask

BATCH = 5_000
SHOWN = 20

# How many bars are dealt with so far.
Show = Callable[[int], None]


@dataclass
class Stored:
    """What became of bars: ``different`` ones were kept, or replaced if so asked."""

    new: int = 0
    equal: int = 0
    different: int = 0
    differences: list[str] = field(default_factory=list)


def history_store(
    *,
    venue: str,
    pair: tuple[str, str],
    bars: Bars,
    replace: bool = False,
    show: Show = lambda done: None,
    result: Stored | None = None,
) -> Stored:
    """Store ordered bars of one series (symbol, interval); raises ``django.db.Error``.

    A stored bar that differs is kept unless ``replace``; columns that the file lacks
    are not compared, and keep what is stored. ``result`` counts even when it stops.
    """
    counted = result or Stored()
    store = services.CandleStore(venue)
    show(0)
    for begin in range(0, len(bars), BATCH):
        part = bars.take(slice(begin, begin + BATCH))
        with transaction.atomic():
            batch = _Batch(part, _stored(venue, pair, part))
            store.store_rows(pair, batch.rows(replace=replace))
        # Not before the commit: what was rolled back is not stored.
        counted.new += int(batch.new.sum())
        counted.different += int(batch.different.sum())
        counted.equal = begin + len(part) - counted.new - counted.different
        room = SHOWN - len(counted.differences)
        counted.differences += islice(batch.texts(), room)
        show(begin + len(part))
    return counted


def _stored(venue: str, pair: tuple[str, str], part: Bars) -> tuple[Ints, Floats]:
    """Return open times and values of the stored bars in the time of ``part``."""
    symbol, interval = pair
    rows = selectors.bar_rows(
        venue=venue,
        symbol=symbol,
        interval=interval,
        first=int(part.open_times[0]),
        last=int(part.open_times[-1]),
    )
    times = np.array([row[0] for row in rows], dtype=np.int64)
    values = np.array([row[1:] for row in rows], dtype=np.float64)
    return times, values.reshape(len(rows), len(VALUES))


class _Batch:
    """Bars and the stored ones of the same time."""

    def __init__(self, bars: Bars, stored: tuple[Ints, Floats]) -> None:
        times, values = stored
        known: Mask = np.isin(bars.open_times, times, assume_unique=True)
        at = np.searchsorted(times, bars.open_times[known])
        self._bars = bars
        self._known = np.flatnonzero(known)
        self._stored = {name: values[at, n] for n, name in enumerate(VALUES)}
        unlike = np.zeros(len(at), dtype=np.bool_)
        for name, column in bars.values.items():
            unlike |= column[self._known] != self._stored[name]
        self.new = ~known
        self.different: Mask = np.zeros(len(bars), dtype=np.bool_)
        self.different[self._known[unlike]] = True

    def rows(self, *, replace: bool) -> Iterator[tuple[object, ...]]:
        """Return what is to be written."""
        wanted = self.new | self.different if replace else self.new
        values = {}
        for name in VALUES:
            column = self._bars.column(name)
            if name not in self._bars.values:
                column[self._known] = self._stored[name]
            values[name] = column
        whole = Bars(self._bars.open_times, self._bars.lines, values)
        return iter(whole.take(wanted).rows())

    def texts(self) -> Iterator[str]:
        """Say of each bar that differs what is stored and what the file has."""
        place = {int(at): n for n, at in enumerate(self._known)}
        for at in np.flatnonzero(self.different).tolist():
            pairs = [
                f"{name} {self._stored[name][place[at]]} stored, {column[at]} in the file"
                for name, column in self._bars.values.items()
                if column[at] != self._stored[name][place[at]]
            ]
            yield f"{moment(int(self._bars.open_times[at]))}: {'; '.join(pairs)}"


def moment(time_ms: int) -> str:
    """Return a time as people read it, UTC."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M}"
