"""How the trader is to die each time: where, when and under which circumstances."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from accounts.crash_points import POINTS

CIRCUMSTANCES = ("normal", "database locked", "disk full", "Redis gone")
RANDOM = "random moment"
LATEST_MS = 400
CIRCUMSTANCE_LATEST_MS = 120
MOST_TIMES = 3


@dataclass(frozen=True)
class Death:
    """``point`` is reached for the ``times``-th time, or ``RANDOM``: killed ``after_ms``.

    The circumstance begins ``circumstance_ms`` after the intents were asked for.
    """

    point: str
    times: int
    after_ms: float
    circumstance: str
    circumstance_ms: float


def deaths(count: int, seed: int) -> Iterator[Death]:
    """Yield deaths: every point under every circumstance first, then random moments.

    With fewer than all pairs, a selection in which every point and circumstance comes.
    """
    rng = random.Random(seed)
    pairs = list(product(POINTS, CIRCUMSTANCES))
    if count < len(pairs):
        circumstances = [
            CIRCUMSTANCES[at % len(CIRCUMSTANCES)] for at in range(len(POINTS))
        ]
        pairs = list(zip(POINTS, circumstances, strict=True))
    rng.shuffle(pairs)
    for number in range(count):
        if number < len(pairs):
            point, circumstance = pairs[number]
        else:
            point, circumstance = RANDOM, rng.choice(CIRCUMSTANCES)
        yield Death(
            point=point,
            times=rng.randint(1, MOST_TIMES if number >= len(POINTS) else 1),
            after_ms=rng.uniform(0, LATEST_MS),
            circumstance=circumstance,
            circumstance_ms=rng.uniform(0, CIRCUMSTANCE_LATEST_MS),
        )
