"""Mean and deviation of the last bars, without a running sum.

A running sum of squares keeps the rounding errors of everything that ever was in it.
Here windows are built from halves (Chan, Golub, LeVeque 1979): every value depends
on the bars of its own window only, and equal prices deviate by exactly 0.
"""

from typing import NamedTuple

import numpy as np

from core.errors import InvalidInput
from market.indicators.types import Floats


class _Moments(NamedTuple):
    """Sums and squared deviations of windows; entry t ends at bar t + size - 1."""

    size: int
    total: Floats
    squares: Floats | None


def rolling_moments(values: Floats, period: int) -> tuple[Floats, Floats]:
    """Return mean and population standard deviation of the last ``period`` bars.

    The results begin with bar ``period - 1``: they are that much shorter.
    """
    block = _Moments(1, values, None)
    window = block if period & 1 else None
    for bit in range(1, period.bit_length()):
        block = _joined(block, block)
        if period >> bit & 1:
            window = block if window is None else _joined(block, window)
    if window is None:
        raise InvalidInput("period", period, "must be above 0")
    if window.squares is None:
        return window.total, np.zeros_like(window.total)
    return window.total / period, np.sqrt(window.squares / period)


def _joined(older: _Moments, newer: _Moments) -> _Moments:
    """Windows of ``newer`` preceded by windows of ``older``."""
    size = older.size + newer.size
    count = len(older.total) + older.size - size
    first = older.total[:count]
    last = newer.total[older.size :][:count]
    if older.size == newer.size:
        squares = first - last
        squares *= squares
        squares *= 1.0 / size
    else:
        squares = first * (newer.size / older.size)
        squares -= last
        squares *= squares
        squares *= older.size / (newer.size * size)
    if older.squares is not None:
        squares += older.squares[:count]
    if newer.squares is not None:
        squares += newer.squares[older.size :][:count]
    return _Moments(size, first + last, squares)
