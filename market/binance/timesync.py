"""The exchange's clock, from midpoints of several short questions."""

import statistics
from dataclasses import dataclass

from core.clock import Clock

RESYNC_SECONDS = 300.0
# The machine's wall clock moved against its monotonic one: set, or woken from sleep.
JUMP_MS = 250
# Simulated markets run faster than real time; their limits still count real minutes.
RATE_TOLERANCE_MS = 50.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One question: our time before and after in ms, the exchange's answer between."""

    before: int
    server: int
    after: int

    @property
    def middle(self) -> float:
        """Our time when the exchange most likely answered."""
        return (self.before + self.after) / 2

    @property
    def round_trip_ms(self) -> int:
        """How long the answer took."""
        return self.after - self.before


class ExchangeClock:
    """Tells the exchange's time between two synchronisations."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base = self._difference()
        self._at: float | None = None
        self._real_time = True
        self.offset_ms = 0.0
        self.round_trip_ms = 0

    @property
    def synchronised(self) -> bool:
        """True once the exchange was asked."""
        return self._at is not None

    def now_ms(self) -> int:
        """Return the exchange's time, ms since the epoch."""
        return int(self._clock.now_ms() + self.offset_ms)

    def limits_now_ms(self) -> int:
        """Return the time by which the exchange counts its limits, in real ms."""
        return self.now_ms() if self._real_time else self._clock.now_ms()

    def learn(self, samples: list[Sample]) -> None:
        """Take the median of the samples that came back fastest."""
        quick = sorted(samples, key=lambda sample: sample.round_trip_ms)
        best = quick[: len(quick) // 2 + 1]
        offset = statistics.median(s.server - s.middle for s in best)
        self._real_time = self._runs_like_ours(samples) and not self._ran_away(offset)
        self.offset_ms = offset
        self.round_trip_ms = best[0].round_trip_ms
        self._base = self._difference()
        self._at = self._clock.monotonic()

    def due(self) -> bool:
        """True when it was learned too long ago, or our own clock was set since."""
        if self._at is None:
            return False
        if self._clock.monotonic() - self._at >= RESYNC_SECONDS:
            return True
        return abs(self._difference() - self._base) > JUMP_MS

    def _ran_away(self, offset: float) -> bool:
        """Return whether the offset grew although our own clock was not set."""
        if self._at is None or abs(self._difference() - self._base) > JUMP_MS:
            return False
        elapsed_ms = (self._clock.monotonic() - self._at) * 1000
        return abs(offset - self.offset_ms) > 1_000 + elapsed_ms / 100

    def _difference(self) -> float:
        return self._clock.now_ms() - self._clock.monotonic() * 1000

    @staticmethod
    def _runs_like_ours(samples: list[Sample]) -> bool:
        first, last = samples[0], samples[-1]
        ours = last.middle - first.middle
        theirs = last.server - first.server
        blur = (first.round_trip_ms + last.round_trip_ms) / 2 + RATE_TOLERANCE_MS
        return abs(theirs - ours) <= blur
