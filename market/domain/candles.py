"""Candles in series: interval lengths, holes, live bars, larger bars from smaller.

A series is a sequence of ``Candle`` of one symbol and interval, oldest first. Bars
of weeks begin on Monday and bars of months on the first day, UTC.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from market.domain.types import Candle

# Length of each interval in milliseconds; a month has no fixed length.
INTERVAL_MS: dict[str, int] = {
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "6h": 21_600_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": 86_400_000,
    "3d": 259_200_000,
    "1w": 604_800_000,
}
MONTH = "1M"
# 1970-01-01 was a Thursday; the first Monday was 4 days later.
_MONDAY_OFFSET_MS = 4 * 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Hole(Struct, frozen=True):
    """Missing bars between two bars: open times of the first and the last one."""

    first_open: int
    last_open: int
    bars: int


class MissingBars(Struct, frozen=True):
    """Missing bars of a series: open times of the first and the last one, ms."""

    symbol: str
    interval: str
    first: int
    last: int

    @property
    def bars(self) -> int:
        """How many bars are missing."""
        if self.first == self.last:
            return 1
        return bars_missing(self.first, self.last, self.interval) + 2


def bar_open(time_ms: int, interval: str) -> int:
    """Return the open time of the bar that holds a moment.

    Raises ValueError for an interval that does not exist.
    """
    if interval == MONTH:
        moment = _EPOCH + timedelta(milliseconds=time_ms)
        return _millis(moment.year, moment.month)
    length = _length(interval)
    offset = _MONDAY_OFFSET_MS if interval == "1w" else 0
    return (time_ms - offset) // length * length + offset


def next_open(open_time: int, interval: str) -> int:
    """Return the open time of the bar after the one that opens at ``open_time``."""
    if interval != MONTH:
        return open_time + _length(interval)
    moment = _EPOCH + timedelta(milliseconds=open_time)
    years, month = divmod(moment.month, 12)
    return _millis(moment.year + years, month + 1)


def bars_missing(before: int, after: int, interval: str) -> int:
    """Return how many bars are missing between the bars of two open times."""
    if interval != MONTH:
        return max(0, (after - before) // _length(interval) - 1)
    earlier, later = (_EPOCH + timedelta(milliseconds=at) for at in (before, after))
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    return max(0, months - 1)


def close_time(open_time: int, interval: str) -> int:
    """Return the last millisecond of the bar that opens at ``open_time``."""
    return next_open(open_time, interval) - 1


def holes(candles: Iterable[Candle]) -> tuple[Hole, ...]:
    """Return the missing bars of a series, oldest first.

    Raises ValueError when the bars are not of one series in rising order.
    """
    found: list[Hole] = []
    previous: Candle | None = None
    for candle in candles:
        if previous is not None:
            _check_order(previous, candle)
            hole = _hole(previous, candle)
            if hole is not None:
                found.append(hole)
        previous = candle
    return tuple(found)


def with_live(stored: Sequence[Candle], live: Candle | None) -> tuple[Candle, ...]:
    """Join stored bars of a series with the newest bar of the stream.

    The live bar is appended, or takes the place of the stored bar that opens at the
    same time unless that one is closed and the live one is not.
    """
    bars = tuple(stored)
    if live is None:
        return bars
    at = bisect_left(bars, live.open_time, key=lambda bar: bar.open_time)
    if at < len(bars) and bars[at].open_time == live.open_time:
        if bars[at].closed and not live.closed:
            return bars
        return (*bars[:at], live, *bars[at + 1 :])
    return (*bars[:at], live, *bars[at:])


def aggregated(candles: Sequence[Candle], interval: str) -> tuple[Candle, ...]:
    """Build bars of a longer interval from the bars of one shorter series.

    A bar is closed when all of its parts are there and closed. Raises ValueError
    when the shorter interval does not divide the longer one, or for unordered bars.
    """
    if not candles:
        return ()
    _check_divides(candles[0].interval, interval)
    groups: list[list[Candle]] = []
    previous: Candle | None = None
    for candle in candles:
        if previous is not None:
            _check_order(previous, candle)
        previous = candle
        opened = bar_open(candle.open_time, interval)
        if groups and bar_open(groups[-1][0].open_time, interval) == opened:
            groups[-1].append(candle)
        else:
            groups.append([candle])
    return tuple(_joined(group, interval) for group in groups)


def _joined(parts: list[Candle], interval: str) -> Candle:
    first, last = parts[0], parts[-1]
    opened = bar_open(first.open_time, interval)
    ends = close_time(opened, interval)
    complete = (
        first.open_time == opened
        and last.close_time == ends
        and not holes(parts)
        and all(part.closed for part in parts)
    )
    return replace(
        first,
        interval=interval,
        open_time=opened,
        close_time=ends,
        high=max(part.high for part in parts),
        low=min(part.low for part in parts),
        close=last.close,
        volume=sum(part.volume for part in parts),
        quote_volume=sum(part.quote_volume for part in parts),
        trades=sum(part.trades for part in parts),
        taker_base=sum(part.taker_base for part in parts),
        taker_quote=sum(part.taker_quote for part in parts),
        closed=complete,
        event_time=max(part.event_time for part in parts),
    )


def _hole(before: Candle, after: Candle) -> Hole | None:
    count = bars_missing(before.open_time, after.open_time, before.interval)
    if not count:
        return None
    first = next_open(before.open_time, before.interval)
    last = bar_open(after.open_time - 1, before.interval)
    return Hole(first, last, count)


def _check_order(before: Candle, after: Candle) -> None:
    if (before.symbol, before.interval) != (after.symbol, after.interval):
        raise ValueError("the candles are of more than one series")
    if after.open_time <= before.open_time:
        raise ValueError(
            f"candle {after.open_time} does not come after {before.open_time}"
        )


def _check_divides(shorter: str, longer: str) -> None:
    # Months and weeks begin at midnight, so every part of a day that divides it
    # divides them too; 3 days and weeks do not divide a month.
    day = INTERVAL_MS["1d"]
    whole = day if longer in (MONTH, "1w") else _length(longer)
    if shorter in (MONTH, longer) or whole % _length(shorter):
        raise ValueError(f"bars of {shorter} cannot be joined to bars of {longer}")


def _length(interval: str) -> int:
    try:
        return INTERVAL_MS[interval]
    except KeyError:
        raise ValueError(f"kline interval {interval!r} does not exist") from None


def _millis(year: int, month: int) -> int:
    return int((datetime(year, month, 1, tzinfo=UTC) - _EPOCH).total_seconds()) * 1000
