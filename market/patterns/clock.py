"""Where on the clock losses gather: minute of the hour, hour of the day."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from market.patterns.chance import poisson_binomial_tail, poisson_bound
from market.patterns.types import (
    Occasion,
    Pattern,
    PatternKind,
    Span,
    connection_names,
)

# Kind → (period, widths of the windows), in seconds.
CLOCKS = {
    PatternKind.HOUR_OF_DAY: (86_400, (600, 3_600)),
    PatternKind.MINUTE_OF_HOUR: (3_600, (60, 180)),
}
TRIED = sum(len(widths) for _, widths in CLOCKS.values())
CANDIDATES = 64


class _Exposure:
    """How long losses were possible: observed intervals, cut into periods.

    Period 0 is the one that ends with the observation, 1 the one before, …
    """

    def __init__(self, observed: Sequence[Span], period_seconds: int) -> None:
        starts = np.array([start for start, _ in observed], dtype=np.float64)
        ends = np.array([end for _, end in observed], dtype=np.float64)
        self.span = period_seconds * 1000
        self.until = observed[-1][1]
        self.periods = -(-(self.until - observed[0][0]) // self.span)
        self._points = np.column_stack((starts, ends)).ravel()
        lengths = np.column_stack((np.zeros_like(starts), ends - starts)).ravel()
        self._sums = np.cumsum(lengths)
        back = np.arange(1, self.periods + 1)
        self._begins = self.until - back * self.span
        self._whole = self._between(self._begins, self._begins + self.span)

    def period_of(self, at: int) -> int:
        """Return the number of the period that ``at`` lies in."""
        return (self.until - 1 - at) // self.span

    def shares(self, phase_ms: float, width_ms: float) -> Any:
        """Return per period the share of its observed time that a window holds."""
        offset = (phase_ms - self.until) % self.span
        over = max(0.0, offset + width_ms - self.span)
        begins = self._begins
        inside = self._between(begins + offset, begins + offset + width_ms - over)
        inside += self._between(begins, begins + over)
        return np.minimum(inside / np.maximum(self._whole, 1.0), 1.0)

    def _between(self, first: Any, last: Any) -> Any:
        return np.interp(last, self._points, self._sums) - np.interp(
            first, self._points, self._sums
        )


def strongest(
    kind: PatternKind, occasions: Sequence[Occasion], observed: Sequence[Span]
) -> Pattern:
    """Return what chance explains the least; its ``p_value`` is that of one place."""
    period, widths = CLOCKS[kind]
    exposure = _Exposure(observed, period)
    by_phase = sorted(occasions, key=lambda item: item.at % exposure.span)
    return min(
        (_best_window(kind, by_phase, exposure, width) for width in widths),
        key=lambda pattern: pattern.p_value,
    )


def _best_window(
    kind: PatternKind, items: Sequence[Occasion], exposure: _Exposure, width: int
) -> Pattern:
    """Return the window that chance explains the least; ``items`` sorted by phase."""
    period, _ = CLOCKS[kind]
    phases = np.array([item.at % exposure.span for item in items])
    backs = [exposure.period_of(item.at) for item in items]
    counts = np.bincount(backs, minlength=exposure.periods)
    fullest = sorted(
        _windows(phases, backs, exposure.span, width * 1000),
        key=lambda window: -window[2],
    )[:CANDIDATES]
    rated = [
        (window, _chances(exposure, counts, phases[window[0]], width))
        for window in fullest
    ]
    (first, end, hits), chances = min(
        rated, key=lambda pair: poisson_bound(float(pair[1].sum()), pair[0][2] - 1)
    )
    inside = [items[index % len(items)] for index in range(first, end)]
    # The occasion that places the window is in it for sure: the others are by chance.
    tail = poisson_binomial_tail(chances[chances > 0], hits - 1)
    # The place is known as well as the occasions agree: shown around their middle.
    extent = (inside[-1].at - inside[0].at) % exposure.span / 1000
    start = float(phases[first]) / 1000 - (width - extent) / 2
    return Pattern(
        kind=kind,
        start_seconds=round(start % period, 3),
        width_seconds=width,
        occasions=hits,
        of=exposure.periods,
        expected=round(float(chances.sum()), 3),
        p_value=tail,
        lookback_seconds=exposure.periods * period,
        period_seconds=period,
        times=tuple(sorted(item.at for item in inside)),
        connections=connection_names(inside),
    )


def _chances(exposure: _Exposure, counts: Any, phase_ms: float, width: int) -> Any:
    return 1 - (1 - exposure.shares(float(phase_ms), width * 1000)) ** counts


def _windows(
    phases: "np.ndarray[Any, Any]", backs: Sequence[int], span: int, width_ms: int
) -> Iterator[tuple[int, int, int]]:
    """Yield (first, end, periods hit) of the window that starts at each occasion.

    Indices run on past the last occasion, around the clock.
    """
    number = len(backs)
    around = np.concatenate((phases, phases + span))
    ends = np.searchsorted(around, phases + width_ms)
    inside: Counter[int] = Counter()
    end = 0
    for first in range(number):
        limit = min(int(ends[first]), first + number)
        while end < limit:
            inside[backs[end % number]] += 1
            end += 1
        yield first, end, len(inside)
        inside[backs[first]] -= 1
        if not inside[backs[first]]:
            del inside[backs[first]]
