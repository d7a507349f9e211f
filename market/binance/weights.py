"""Request weight: what requests cost, what may be spent, and when to be silent.

The exchange counts weight per address in minutes of its own clock (2400 a minute),
tells its count in ``X-MBX-USED-WEIGHT-1M``, answers 429 above the limit and 418 to
those who go on. Sources: official REST rules and connector doc strings (2026-08).
"""

import re
from dataclasses import dataclass
from typing import Protocol

from core.clock import Clock

WEIGHT_PER_MINUTE = 2400
# Kept free for cancels and for what other programs on this address send meanwhile.
RESERVE = 0.2
# What one process may spend of the limit when it cannot ask the others.
OWN_SHARE = 0.1
MINUTE_MS = 60_000
# How far this process's idea of the exchange's clock may be off.
GUARD_MS = 500
# A request without an answer may still be counted for this long.
LIFETIME_MS = 60_000
# A ledger further ahead than this was written by a clock that was wrong.
CLOCK_WRONG_MINUTES = 2
SHORTEST_BAN_SECONDS = 120.0
FIREWALL_SECONDS = 60.0

_BANNED_UNTIL = re.compile(r"banned until (\d{12,14})")


def klines_weight(limit: int) -> int:
    """Return the weight of ``klines``."""
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10


def depth_weight(limit: int) -> int:
    """Return the weight of ``depth``."""
    return 2 if limit <= 50 else 5 if limit <= 100 else 10 if limit <= 500 else 20


def usable(limit: int, *, cancel: bool) -> int:
    """Return how much of a minute's limit may be spent; all of it by cancels only."""
    return limit if cancel else int(limit * (1 - RESERVE))


@dataclass(frozen=True, slots=True)
class Hold:
    """Silence of the whole address for ``seconds``: a ban (418) or a back-off (429)."""

    seconds: float
    banned: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Permission for one request; told back with ``settle`` once it is answered."""

    id: str
    weight: int
    minute: int


@dataclass(frozen=True, slots=True)
class Wait:
    """No permission: ask again after ``seconds``. ``hold`` is None: it is the weight."""

    seconds: float
    hold: Hold | None = None


class WeightBudget(Protocol):
    """Asked before every request and told of every answer.

    ``now_ms`` is the exchange's time; ``limit`` its weight per minute.
    """

    async def take(
        self, weight: int, *, now_ms: int, limit: int, cancel: bool = False
    ) -> Leave | Wait:
        """Spend ``weight`` or tell how long to wait; only cancels use the reserve."""

    async def settle(self, leave: Leave, used: int | None, *, now_ms: int) -> None:
        """A request was answered, with the exchange's own count or without one."""

    async def hold(self, hold: Hold) -> None:
        """The exchange wants silence; the longest hold counts."""


class Ledger:
    """The weight of the current minute in this process's memory.

    A minute begins ``GUARD_MS`` late here, so never before the exchange's. Requests
    that may still be counted in the new minute are counted in both.
    """

    def __init__(self) -> None:
        self.minute = -1
        self.used = 0
        self._open: dict[str, tuple[int, int]] = {}
        self._taken = 0

    def take(self, weight: int, now_ms: int, spendable: int) -> Leave | Wait:
        """Spend ``weight`` of ``spendable`` or tell how long to wait."""
        self._turn(now_ms)
        if self.used + weight > spendable:
            begin = (self.minute + 1) * MINUTE_MS + GUARD_MS
            return Wait(max(1, begin - now_ms) / 1000)
        self._taken += 1
        leave = Leave(str(self._taken), weight, self.minute)
        self.used += weight
        self._open[leave.id] = (weight, now_ms + LIFETIME_MS)
        return leave

    def settle(self, leave: Leave, used: int | None, now_ms: int) -> None:
        """Forget an answered request unless the next minute may count it too."""
        known = self._open.pop(leave.id, None)
        if used is not None and leave.minute == self.minute:
            others = sum(weight for weight, _ in self._open.values())
            self.used = max(self.used, used + others)
        if known and now_ms >= (self.minute + 1) * MINUTE_MS - GUARD_MS:
            self._open[leave.id] = (leave.weight, now_ms)

    def _turn(self, now_ms: int) -> None:
        minute = (now_ms - GUARD_MS) // MINUTE_MS
        if self.minute - CLOCK_WRONG_MINUTES <= minute <= self.minute:
            return  # also when our clock was set back a little
        edge = minute * MINUTE_MS - GUARD_MS
        self._open = {key: v for key, v in self._open.items() if v[1] >= edge}
        self.used = sum(weight for weight, _ in self._open.values())
        self.minute = minute


class OwnBudget:
    """The budget of a process that shares its address with no other of ours."""

    def __init__(self, clock: Clock, share: float = 1.0) -> None:
        self._clock = clock
        self._share = share
        self._ledger = Ledger()
        self._held: Hold | None = None
        self._held_until = 0.0

    async def take(
        self, weight: int, *, now_ms: int, limit: int, cancel: bool = False
    ) -> Leave | Wait:
        """See ``WeightBudget``."""
        left = self._held_until - self._clock.monotonic()
        if left > 0 and self._held is not None:
            return Wait(left, self._held)
        spendable = int(usable(limit, cancel=cancel) * self._share)
        return self._ledger.take(weight, now_ms, spendable)

    async def settle(self, leave: Leave, used: int | None, *, now_ms: int) -> None:
        """See ``WeightBudget``."""
        self._ledger.settle(leave, used, now_ms)

    async def hold(self, hold: Hold) -> None:
        """See ``WeightBudget``."""
        until = self._clock.monotonic() + hold.seconds
        if until > self._held_until:
            self._held, self._held_until = hold, until


def asked_silence(
    status: int,
    retry_after: float | None,
    body: str,
    *,
    exchange_now_ms: int,
) -> Hold | None:
    """Return the silence that an answer asks for, or None.

    418 and 429 name it in ``Retry-After`` (seconds), in the body ("banned until" ms since the
    epoch of the exchange's clock), or both: the longer counts. A firewall (403 that
    is no JSON) names nothing.
    """
    if status == 403 and not body.lstrip().startswith("{"):
        return Hold(FIREWALL_SECONDS, banned=False, reason="HTTP 403 of a firewall")
    if status not in (418, 429):
        return None
    told = (retry_after, _until(body, exchange_now_ms))
    known = [seconds for seconds in told if seconds is not None]
    banned = status == 418
    if known:
        seconds = max(known)
    elif banned:
        seconds = SHORTEST_BAN_SECONDS
    else:
        seconds = MINUTE_MS / 1000
    return Hold(seconds, banned, f"HTTP {status} {body[:200]}".rstrip())


def _until(body: str, exchange_now_ms: int) -> float | None:
    """Return the seconds until the moment that the text names; None in the past."""
    found = _BANNED_UNTIL.search(body)
    if found is None:
        return None
    left = (int(found.group(1)) - exchange_now_ms) / 1000
    return left if left > 0 else None
