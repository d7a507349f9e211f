"""How late the event loop wakes us: our own standstill is no silence of the exchange."""

import time
from collections import deque
from collections.abc import Callable

STALL_SECONDS = 1.0
WINDOW_SECONDS = 60


class LoopLag:
    """Lateness of the last minute; ``stalled(seconds)`` hears of each standstill once.

    Several tasks that sleep on the same loop report here. Time is the machine's: a
    loop's ``time()`` stands still inside an iteration, and just that must be seen.
    """

    def __init__(
        self,
        stalled: Callable[[float], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stalled = stalled
        self._told_until = float("-inf")
        # Second and worst lateness in it, oldest first.
        self._worst: deque[tuple[int, float]] = deque(maxlen=WINDOW_SECONDS)
        self.monotonic = monotonic

    def woke(self, due: float) -> float:
        """Return how late a task was that wanted to wake at ``due``; 0.0 when in time.

        What is no longer than ``STALL_SECONDS`` counts as in time.
        """
        now = self.monotonic()
        late = max(0.0, now - due)
        self._note(int(now), late)
        if late <= STALL_SECONDS:
            return 0.0
        if due >= self._told_until:
            self._stalled(late)
        self._told_until = now
        return late

    def _note(self, second: int, late: float) -> None:
        if self._worst and self._worst[-1][0] == second:
            late = max(late, self._worst.pop()[1])
        self._worst.append((second, late))

    def worst_ms(self) -> float:
        """Return the worst lateness of the last minute, in ms."""
        since = self.monotonic() - WINDOW_SECONDS
        recent = (late for second, late in self._worst if second >= since)
        return round(max(recent, default=0.0) * 1000, 1)
