"""From factors to a score, a direction and a confidence."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from market.scanner.factors import Factor
from market.scanner.weights import Weights

Side = Literal["long", "short", "flat"]
PRIME_SCORE = 70.0
# Factors never all shout at once: a weighted mean of this much is a full score.
FULL_MEAN = 0.6


class Score(NamedTuple):
    """``score`` 0 to 100; ``mean`` -1 to 1, the weighted mean of the known factors.

    ``confidence`` 0 to 1: how much the factors agree, times how many of them (by
    weight) are known. It is no probability of winning.
    """

    score: float
    direction: Side
    confidence: float
    mean: float

    @property
    def is_prime(self) -> bool:
        """Whether the score reaches ``PRIME_SCORE``."""
        return self.score >= PRIME_SCORE


def score_of(factors: Sequence[Factor], weights: Weights) -> Score:
    """Return the score; without any known factor it is 0 and flat."""
    known = [
        (getattr(weights, factor.name), factor.value)
        for factor in factors
        if factor.value is not None
    ]
    weight = sum(part for part, _ in known)
    if weight == 0:
        return Score(0.0, "flat", 0.0, 0.0)
    total = sum(part * value for part, value in known)
    loudness = sum(part * abs(value) for part, value in known)
    mean = total / weight
    agreement = abs(total) / loudness if loudness > 0 else 0.0
    direction: Side = "long" if mean > 0 else "short" if mean < 0 else "flat"
    return Score(
        score=100.0 * min(1.0, abs(mean) / FULL_MEAN),
        direction=direction,
        confidence=min(1.0, agreement * weight / weights.total),
        mean=mean,
    )
