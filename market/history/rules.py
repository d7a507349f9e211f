"""Locating bad data in arrays: each rule is one or two passes, whatever the size.

For any arrays, also those of a training set: where nothing is bad no index is made.
"""

import numpy as np
from numpy.typing import NDArray

from market.history.columns import Floats, Ints, Mask

Places = NDArray[np.intp]
# Rounded volumes may put the mean price of a bar this far outside its range.
MEAN_PRICE_SLACK = 1.01


def not_finite(values: NDArray[np.floating]) -> Mask | None:
    """Return where values (any shape) are NaN or infinite, None where nowhere."""
    finite: Mask = np.isfinite(values)
    if finite.all():
        return None
    return np.logical_not(finite, out=finite)


def not_finite_at(table: NDArray[np.floating]) -> tuple[Places, Places]:
    """Return rows and columns of what is not finite in a table, row by row."""
    bad = not_finite(table)
    if bad is None:
        nothing = np.zeros(0, dtype=np.intp)
        return nothing, nothing
    # Over the flat mask: numpy looks for few places in one dimension much faster.
    rows, columns = np.divmod(np.flatnonzero(bad.ravel()), table.shape[1])
    return rows, columns


def contradictory(
    open_: Floats, high: Floats, low: Floats, close: Floats
) -> tuple[Mask, Mask]:
    """Return where high is not the largest price and where low is not the smallest.

    Comparisons with NaN are never broken: NaN has a rule of its own.
    """
    above = np.maximum(open_, close) > high
    above |= low > high
    return above, np.minimum(open_, close) < low


def steps(times: Ints) -> Ints:
    """Return the distances between neighbours: 0 repeats, below 0 goes back."""
    return np.diff(times)


def repeated(times: Ints) -> Mask | None:
    """Return where an ordered time equals the one before it, None where nowhere."""
    same = times[1:] == times[:-1]
    if not same.any():
        return None
    return np.concatenate([np.zeros(1, dtype=np.bool_), same])


def gap_starts(times: Ints, length: int) -> Places:
    """Return the positions after which bars are missing, of ordered times."""
    return np.flatnonzero(np.diff(times) > length)


def swapped_volumes(volume: Floats, quote: Floats, low: Floats, high: Floats) -> Mask:
    """Return where volume times price is no quote volume, but the reverse is.

    The mean price of a bar, quote volume per volume, lies between low and high.
    """
    least, most = low / MEAN_PRICE_SLACK, high * MEAN_PRICE_SLACK
    known = (volume > 0) & (quote > 0)
    right = (quote >= volume * least) & (quote <= volume * most)
    wrong = (volume >= quote * least) & (volume <= quote * most)
    found: Mask = known & ~right & wrong
    return found
