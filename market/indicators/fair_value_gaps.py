"""Fair value gaps: prices that the middle one of three bars jumped over.

Our definition of the term of M. J. Huddleston: bullish when a bar's low is above the
high two bars before; the gap lies between them and is known at the close of that bar.
It is open until a later low comes down to its lower edge (it is filled) or
``zone_bars`` have passed. Bearish gaps mirrored.
"""

from typing import NamedTuple

import numpy as np

from market.indicators.types import Floats, Ints
from market.indicators.zones import Zones, ends_below


class GapCounts(NamedTuple):
    """Open gaps per bar."""

    bullish: Ints
    bearish: Ints


def count_gaps(high: Floats, low: Floats, life: int) -> GapCounts:
    """Return the counts of one series."""
    bullish, bearish = find_gaps(high, low, life)
    return GapCounts(bullish.open_per_bar(len(high)), bearish.open_per_bar(len(high)))


def find_gaps(high: Floats, low: Floats, life: int) -> tuple[Zones, Zones]:
    """Return the bullish and the bearish gaps of one series."""
    return _gaps(high, low, life), _gaps(-low, -high, life).mirrored()


def _gaps(high: Floats, low: Floats, life: int) -> Zones:
    starts = np.flatnonzero(low[2:] > high[:-2]) + 2
    lower, upper = high[starts - 2], low[starts]
    # Reaching the edge fills: "below" what is next above it.
    ends = ends_below(low, starts, np.nextafter(lower, np.inf), life)
    return Zones(starts - 1, starts, ends, lower, upper)
