"""At which age connections are lost more often than just before and after."""

from collections.abc import Sequence

import numpy as np

from market.patterns.chance import binomial_bounds, binomial_tail
from market.patterns.types import Occasion, Pattern, PatternKind, connection_names

YOUNGEST_SECONDS = 10.0
WIDTHS = (0.01, 0.05)
LEAST_WIDTH_SECONDS = 2.0
REACH = 0.5
TRIED = len(WIDTHS)


def strongest(occasions: Sequence[Occasion], seconds: float) -> Pattern | None:
    """Return what chance explains the least; its ``p_value`` is that of one place.

    None when no age is known. Those that die at once are left to the flapping alert.
    """
    aged = sorted(
        (
            (item.age_seconds, item)
            for item in occasions
            if item.age_seconds is not None and item.age_seconds >= YOUNGEST_SECONDS
        ),
        key=lambda pair: pair[0],
    )
    if not aged:
        return None
    return min(
        (_best_age(aged, width, seconds) for width in WIDTHS),
        key=lambda pattern: pattern.p_value,
    )


def _best_age(
    aged: Sequence[tuple[float, Occasion]], width: float, seconds: float
) -> Pattern:
    """Return the age whose surroundings are the least explained by chance."""
    ages = np.array([age for age, _ in aged])
    half = np.maximum(LEAST_WIDTH_SECONDS, ages * width) / 2
    reach = ages * REACH
    low, high = (
        np.searchsorted(ages, ages - half),
        np.searchsorted(ages, ages + half, side="right"),
    )
    near = np.searchsorted(ages, ages + reach, side="right") - np.searchsorted(
        ages, ages - reach
    )
    shares = half / reach
    best = int(np.argmin(binomial_bounds(near - 1, shares, high - low - 1)))
    others = int(near[best] - 1)
    hits = int(high[best] - low[best] - 1)
    tail = binomial_tail(others, float(shares[best]), hits)
    inside = [item for _, item in aged[low[best] : high[best]]]
    return Pattern(
        kind=PatternKind.CONNECTION_AGE,
        start_seconds=round(float(ages[best] - half[best]), 3),
        width_seconds=round(float(2 * half[best]), 3),
        occasions=len(inside),
        of=int(near[best]),
        expected=round(others * float(shares[best]), 3),
        p_value=tail,
        lookback_seconds=seconds,
        period_seconds=float(ages[best]),
        times=tuple(sorted(item.at for item in inside)),
        connections=connection_names(inside),
    )
