"""Whether memory grows: a line through what one life of a process used; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WARM_UP_SHARE = 0.25
WARM_UP_SECONDS = 120.0
LEAST_SECONDS = 300.0
EVERY_SECONDS = 2.0
ALLOWED_MB_PER_HOUR = 5.0
SIGMAS = 3.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Slope:
    """MB per real hour with its standard error, over so many real seconds."""

    mb_per_hour: float
    error: float
    seconds: float
    first_mb: float
    last_mb: float

    @property
    def judged(self) -> bool:
        """Whether it was long enough to say anything."""
        return self.seconds >= LEAST_SECONDS

    @property
    def allowed(self) -> float:
        """What is 0 within the error, or too small to matter."""
        return max(ALLOWED_MB_PER_HOUR, SIGMAS * self.error)


def slope(lives: Sequence[Sequence[Point]]) -> Slope | None:
    """Fit the longest life of (seconds, MB), without its warm-up; None if too short."""
    longest = max(lives, key=_length, default=())
    if not longest:
        return None
    warm_up = min(WARM_UP_SECONDS, WARM_UP_SHARE * _length(longest))
    begin = longest[0][0] + warm_up
    points = thinned([point for point in longest if point[0] >= begin], EVERY_SECONDS)
    if len(points) < 3:
        return None
    rate, error = _fit(points)
    return Slope(
        rate * 3600,
        error * 3600,
        points[-1][0] - points[0][0],
        points[0][1],
        points[-1][1],
    )


def _length(life: Sequence[Point]) -> float:
    return life[-1][0] - life[0][0] if life else 0.0


def thinned(points: Sequence[Point], seconds: float) -> list[Point]:
    """Leave out what comes sooner than so many seconds after the one before."""
    kept: list[Point] = []
    for point in points:
        if not kept or point[0] - kept[-1][0] >= seconds:
            kept.append(point)
    return kept


def _fit(points: Sequence[Point]) -> tuple[float, float]:
    """Return the slope of the least squares line and its standard error."""
    count = len(points)
    middle_t = sum(t for t, _ in points) / count
    middle_y = sum(y for _, y in points) / count
    spread = sum((t - middle_t) ** 2 for t, _ in points)
    rate = sum((t - middle_t) * (y - middle_y) for t, y in points) / spread
    left = sum((y - middle_y - rate * (t - middle_t)) ** 2 for t, y in points)
    return rate, math.sqrt(left / (count - 2) / spread)
