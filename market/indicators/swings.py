"""Swing points: highs and lows that the bars around them confirm."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from market.indicators.types import Flags, Floats


@dataclass(frozen=True, eq=False)
class Swings:
    """Per bar, the price of the swing that this bar confirms, else NaN.

    A swing high is a high above those of the ``wing`` bars before it and not below
    those of the ``wing`` bars after it (an equal later high belongs to the same
    swing); lows mirrored. Nobody knows it before the last of those bars has closed,
    so it is dated there: the swing itself is ``wing`` bars older. Source: B. Williams,
    Trading Chaos (1995), fractals, with a width of choice.
    """

    wing: int
    highs: Floats
    lows: Floats


def find_swings(high: Floats, low: Floats, wing: int) -> Swings:
    """Return the swings of one series."""
    return Swings(wing, _confirmed(high, wing), -_confirmed(-low, wing))


def _confirmed(high: Floats, wing: int) -> Floats:
    found = np.full(len(high), np.nan)
    if len(high) <= 2 * wing:
        return found
    windows = sliding_window_view(high, 2 * wing + 1)
    middle = windows[:, wing]
    is_swing: Flags = (middle > windows[:, :wing].max(axis=1)) & (
        middle >= windows[:, wing + 1 :].max(axis=1)
    )
    found[2 * wing :][is_swing] = middle[is_swing]
    return found
