"""Request weight per minute, dials per window and the bans that follow.

Real seconds, whatever the speed of the market. Answers: over the limit 429 with
``Retry-After``; going on asking 418 with a ban that doubles each time.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from market.simulator.errors import ApiError

# Requests refused with 429 in one minute before the address is banned.
PATIENCE: Final = 10
_FUNDING_LIMIT: Final = 500
_FUNDING_SECONDS: Final = 300.0
_LONGEST_BAN_SECONDS: Final = 3 * 86_400.0


@dataclass
class _Address:
    minute: int = -1
    used: int = 0
    refused: int = 0
    banned_until: float = 0.0
    bans: int = 0
    dials: deque[float] = field(default_factory=deque)
    funding: deque[float] = field(default_factory=deque)


class Limits:
    """Counts by address. ``now`` gives real seconds since epoch."""

    def __init__(
        self,
        *,
        weight_limit: int,
        dial_limit: int,
        dial_window_seconds: float,
        ban_seconds: float,
        now: Callable[[], float],
    ) -> None:
        self._weight_limit = weight_limit
        self._dial_limit = dial_limit
        self._dial_window = dial_window_seconds
        self._ban_seconds = ban_seconds
        self._now = now
        self._addresses: dict[str, _Address] = {}

    def spend(self, address: str, weight: int) -> int:
        """Count a request; returns the weight used in this minute. Raises ApiError."""
        entry, now = self._entry(address), self._now()
        self._refuse_banned(entry, now)
        minute = int(now // 60)
        if entry.minute != minute:
            entry.minute, entry.used, entry.refused = minute, 0, 0
        entry.used += weight
        if entry.used > self._weight_limit:
            entry.refused += 1
            if entry.refused > PATIENCE:
                self._ban(entry, now)
                self._refuse_banned(entry, now)
            raise ApiError(
                -1003,
                "Too many requests; current limit of IP is "
                f"{self._weight_limit} requests per minute. "
                "Please use the websocket for live updates to avoid polling the API.",
                status=429,
                retry_after=int(60 - now % 60) + 1,
            )
        return entry.used

    def used(self, address: str) -> int:
        entry = self._entry(address)
        return entry.used if entry.minute == int(self._now() // 60) else 0

    def dial(self, address: str) -> None:
        """Count an attempt to open a socket. Raises ApiError."""
        entry, now = self._entry(address), self._now()
        self._refuse_banned(entry, now)
        _count(entry.dials, self._dial_limit, self._dial_window, now)

    def spend_funding(self, address: str) -> None:
        """Count a request of the funding endpoints, 500 in 5 min. Raises ApiError."""
        entry, now = self._entry(address), self._now()
        self._refuse_banned(entry, now)
        _count(entry.funding, _FUNDING_LIMIT, _FUNDING_SECONDS, now)

    def _entry(self, address: str) -> _Address:
        return self._addresses.setdefault(address, _Address())

    def _ban(self, entry: _Address, now: float) -> None:
        seconds = min(self._ban_seconds * 2**entry.bans, _LONGEST_BAN_SECONDS)
        entry.bans += 1
        entry.banned_until = now + seconds

    def _refuse_banned(self, entry: _Address, now: float) -> None:
        if now >= entry.banned_until:
            return
        until = int(entry.banned_until * 1000)
        raise ApiError(
            -1003,
            f"Way too much request weight used; IP banned until {until}. "
            "Please use WebSocket Streams for live updates to avoid bans.",
            status=418,
            retry_after=int(entry.banned_until - now) + 1,
        )


def _count(moments: deque[float], limit: int, window: float, now: float) -> None:
    """Note one more event; refused ones are not noted. Raises ApiError."""
    while moments and moments[0] <= now - window:
        moments.popleft()
    if len(moments) >= limit:
        wait = window - (now - moments[0])
        raise ApiError(
            -1003, "Too many requests.", status=429, retry_after=int(wait) + 1
        )
    moments.append(now)
