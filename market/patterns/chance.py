"""Probabilities of coincidences, and quick bounds to choose what to compute."""

import math
from typing import Any

import numpy as np


def poisson_bound(mean: float, least: int) -> float:
    """Return the logarithm of Chernoff's bound for at least ``least`` of ``mean``."""
    if least <= mean or mean <= 0:
        return 0.0 if least <= mean else -math.inf
    return least - mean - least * math.log(least / mean)


def poisson_binomial_tail(chances: "np.ndarray[Any, Any]", least: int) -> float:
    """Return the probability that at least ``least`` of these coins show heads."""
    if least <= 0:
        return 1.0
    # The last place collects everything from ``least`` on.
    state = np.zeros(least + 1)
    state[0] = 1.0
    for chance in chances:
        moved = state * chance
        state -= moved
        state[1:] += moved[:-1]
        state[least] += moved[least]
    return float(state[least])


def binomial_bounds(numbers: Any, shares: Any, least: Any) -> Any:
    """Return the logarithms of Chernoff's bounds: n times the relative entropy."""
    part = least / np.maximum(numbers, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        hit = np.where(part > 0, part * np.log(part / shares), 0.0)
        missed = np.where(part < 1, (1 - part) * np.log((1 - part) / (1 - shares)), 0.0)
    return np.where(part > shares, -numbers * (hit + missed), 0.0)


def binomial_tail(number: int, share: float, least: int) -> float:
    """Return the probability of at least ``least`` of ``number`` with this share."""
    if least <= 0:
        return 1.0
    whole = math.lgamma(number + 1)
    return math.fsum(
        math.exp(
            whole
            - math.lgamma(k + 1)
            - math.lgamma(number - k + 1)
            + k * math.log(share)
            + (number - k) * math.log1p(-share)
        )
        for k in range(least, number + 1)
    )
