"""Zones of prices that begin at a bar and end when a later bar reaches a level."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from market.indicators.types import Floats, Ints


class Zones(NamedTuple):
    """Zones of one kind by the bar from whose close on each is known.

    ``stands``: the bar it is drawn from; ``ends``: the first bar where it is no longer
    open, which may lie beyond the last bar. Prices from ``low`` to ``high``.
    """

    stands: Ints
    starts: Ints
    ends: Ints
    low: Floats
    high: Floats

    def mirrored(self) -> "Zones":
        """Return the zones of prices that were given with their signs turned."""
        return self._replace(low=-self.high, high=-self.low)

    def open_per_bar(self, bars: int) -> Ints:
        """Return per bar how many of them are open."""
        return count_open(self.starts, self.ends, bars)


def ends_above(values: Floats, starts: Ints, levels: Floats, life: int) -> Ints:
    """First bar after each start whose value is above the level, at most ``life`` later.

    ``starts + life`` where there is none: then the zone is forgotten.
    """
    # A bar that does not exist reaches nothing.
    padded = np.concatenate((values, np.full(life, -np.inf)))
    later = sliding_window_view(padded, life)[starts + 1]
    reached = later > levels[:, None]
    first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, life)
    return starts + np.minimum(first, life)


def ends_below(values: Floats, starts: Ints, levels: Floats, life: int) -> Ints:
    """The same for values below the level."""
    return ends_above(-values, starts, -levels, life)


def count_open(starts: Ints, ends: Ints, bars: int) -> Ints:
    """Per bar, how many zones have begun and not ended."""
    change = np.zeros(bars + 1, np.int64)
    np.add.at(change, starts, 1)
    np.subtract.at(change, np.minimum(ends, bars), 1)
    return np.cumsum(change[:-1])
