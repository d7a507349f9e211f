"""How scores and single factors turned out; NumPy only."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from market.indicators.types import Floats

BIN_WIDTH = 10.0
BINS = 10
LEAST_PAIRS = 20
# 95 % of a normal distribution.
Z = 1.959963984540054


class Bin(NamedTuple):
    """Outcomes of the scores from ``score_from`` to below ``score_to`` (the last: to)."""

    score_from: float
    score_to: float
    outcomes: int
    wins: int
    mean_return: float


def bin_of(score: float) -> int:
    """Return the number of a score's bin, from 0."""
    return min(int(score // BIN_WIDTH), BINS - 1)


def bins_of(scores: Sequence[float], returns: Sequence[float]) -> list[Bin]:
    """Return the bins that have outcomes, the lowest first; a win is above 0."""
    values, won = np.asarray(scores, float), np.asarray(returns, float)
    places = np.minimum((values // BIN_WIDTH).astype(int), BINS - 1)
    found = []
    for place in np.unique(places):
        here = won[places == place]
        low = float(place) * BIN_WIDTH
        found.append(
            Bin(
                low,
                low + BIN_WIDTH,
                len(here),
                int((here > 0).sum()),
                float(here.mean()),
            )
        )
    return found


def wilson(wins: int, outcomes: int) -> tuple[float, float]:
    """Return the 95 % interval of the win rate (Wilson, 1927); (0, 1) without any."""
    if outcomes == 0:
        return 0.0, 1.0
    rate, square = wins / outcomes, Z * Z / outcomes
    middle = (rate + square / 2) / (1 + square)
    half = Z * sqrt(rate * (1 - rate) / outcomes + square / (4 * outcomes))
    half /= 1 + square
    # Rounding must not leave the rate outside.
    return max(0.0, min(middle - half, rate)), min(1.0, max(middle + half, rate))


class FactorResult(NamedTuple):
    """``correlation``: Spearman's; ``hit_rate``: same sign as the return; else None."""

    outcomes: int
    correlation: float | None
    hit_rate: float | None


def factor_result(values: Sequence[float], gross: Sequence[float]) -> FactorResult:
    """Compare a factor's values with the returns of the price, direction aside."""
    x, y = np.asarray(values, float), np.asarray(gross, float)
    if len(x) < LEAST_PAIRS:
        return FactorResult(len(x), None, None)
    told = (x != 0) & (y != 0)
    hits = float((np.sign(x[told]) == np.sign(y[told])).mean()) if told.any() else None
    a, b = _ranks(x), _ranks(y)
    spread = float(a.std() * b.std())
    if spread == 0:
        return FactorResult(len(x), None, hits)
    covariance = float(((a - a.mean()) * (b - b.mean())).mean())
    return FactorResult(len(x), covariance / spread, hits)


def _ranks(values: Floats) -> Floats:
    """Ranks from 0; equal values share their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Floats = ((ends - counts) + (ends - 1)) / 2.0
    return ranks[places]
