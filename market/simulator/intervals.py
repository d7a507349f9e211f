"""Kline intervals: names, lengths and where a bar begins. Times in ms since epoch."""

from datetime import UTC, datetime
from typing import Final

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

FIXED: Final = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": 7 * DAY,
}
MONTH: Final = "1M"
NAMES: Final = (*FIXED, MONTH)

# 1970-01-01 was a Thursday, weeks begin on Monday.
_WEEK_SHIFT = 3 * DAY


def bar_open(interval: str, time_ms: int) -> int:
    """Open time of the bar that holds the instant."""
    if interval == MONTH:
        return _month_open(time_ms)
    length = FIXED[interval]
    shift = _WEEK_SHIFT if interval == "1w" else 0
    return (time_ms + shift) // length * length - shift


def bar_end(interval: str, open_ms: int) -> int:
    """Open time of the next bar."""
    if interval == MONTH:
        return _month_open(open_ms + 32 * DAY)
    return open_ms + FIXED[interval]


def previous_open(interval: str, open_ms: int, bars: int) -> int:
    """Open time of the bar that lies so many bars earlier."""
    if interval != MONTH:
        return open_ms - bars * FIXED[interval]
    for _ in range(bars):
        open_ms = _month_open(open_ms - 1)
    return open_ms


def _month_open(time_ms: int) -> int:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp() * 1000)
