"""How many orders of one account may still be sent; the exchange's own count is heard.

Limits are the ``ORDERS`` entries of ``exchangeInfo``: 300 in 10 s and 1200 in a minute
per account. Windows slide here and stand there, so ours is never the looser one.
"""

from collections import deque
from collections.abc import Mapping

from core.clock import Clock

ORDER_LIMITS: Mapping[int, int] = {10: 300, 60: 1200}
_HEADERS = {10: "X-MBX-ORDER-COUNT-10S", 60: "X-MBX-ORDER-COUNT-1M"}


class OrderRate:
    """The orders of the last minute; ``limits`` are orders by seconds."""

    def __init__(self, clock: Clock, limits: Mapping[int, int] = ORDER_LIMITS) -> None:
        self._clock = clock
        self._limits = dict(limits)
        self._longest = max(self._limits)
        self._sent: deque[tuple[float, int]] = deque()

    def take(self, orders: int = 1) -> float:
        """Count ``orders`` and return 0, or return the seconds until they may go."""
        now = self._clock.monotonic()
        while self._sent and now - self._sent[0][0] >= self._longest:
            self._sent.popleft()
        wait = max(
            self._wait(seconds, limit, orders, now)
            for seconds, limit in self._limits.items()
        )
        if wait <= 0:
            self._sent.append((now, orders))
        return wait

    def heard(self, headers: Mapping[str, str]) -> None:
        """Another program may use the account: the exchange's higher count counts."""
        now = self._clock.monotonic()
        for seconds in self._limits:
            told = headers.get(_HEADERS.get(seconds, ""), "")
            if told.isdecimal():
                others = int(told) - self._within(seconds, now)
                if others > 0:
                    self._sent.append((now, others))

    def _within(self, seconds: int, now: float) -> int:
        return sum(count for at, count in self._sent if now - at < seconds)

    def _wait(self, seconds: int, limit: int, orders: int, now: float) -> float:
        """Return when enough of a window's orders have left it."""
        beyond = self._within(seconds, now) + orders - limit
        if beyond <= 0:
            return 0.0
        for at, count in self._sent:
            if now - at >= seconds:
                continue
            beyond -= count
            if beyond <= 0:
                return at + seconds - now
        return float(seconds)
