"""Time as an argument: wall clock for stamps, monotonic clock for intervals."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What code that needs time asks for."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""

    def monotonic(self) -> float:
        """Seconds that never go backwards."""


def now_ms() -> int:
    """Milliseconds since the epoch, UTC, by the machine's clock."""
    return time.time_ns() // 1_000_000


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        return now_ms()

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        return time.monotonic()


def ms_of(moment: datetime | None) -> int | None:
    """Return a moment in ms since the epoch; one without a zone is UTC."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
