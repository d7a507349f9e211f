"""Reads of the live state that the feed writes to Redis."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from redis import Redis

from core import redis as core_redis
from core import snapshot, wire
from core.clock import now_ms
from core.errors import BusUnavailable
from market import selectors, services
from market.domain.candles import INTERVAL_MS, bar_open
from market.publisher import (
    BARS,
    CONNECTIONS,
    FEED,
    META,
    QUOTES,
    symbol_topic,
)

# The final frame of a bar comes up to 2 s late, back-fill asks after 5 s.
DUE_AFTER_MS = 10_000
BESIDE_CONNECTIONS = ("totals", "reconnect_statistics")


@contextmanager
def _redis() -> Iterator[Redis]:
    client = core_redis.sync_client()
    try:
        yield client
    except core_redis.UNAVAILABLE as error:
        raise BusUnavailable(f"the live state cannot be read: {error}") from error
    finally:
        client.close()


def _age_seconds(at_ms: int | None) -> float | None:
    return None if not at_ms else round(time.time() - at_ms / 1000, 3)


def _epoch(redis: Redis, venue: str) -> str:
    """Return the epochs of all feeds, separated by spaces."""
    found = snapshot.read(redis, venue, META).values()
    return " ".join(sorted(wire.decode(raw)["epoch"] for raw in found))


def feed(venue: str) -> dict[str, Any] | None:
    """Return the feed's own report with its age, or None when it never reported."""
    with _redis() as redis:
        return _feed(redis, venue)


def _feed(redis: Redis, venue: str) -> dict[str, Any] | None:
    raw = snapshot.read_one(redis, venue, FEED, "feed")
    if raw is None:
        return None
    report: dict[str, Any] = wire.decode(raw)
    return {**report, "age_seconds": _age_seconds(report.get("at"))}


def connections(venue: str) -> dict[str, Any]:
    """Return the connections with totals and reconnect statistics."""
    with _redis() as redis:
        table = snapshot.read(redis, venue, CONNECTIONS)
        report = _feed(redis, venue)
        epoch = _epoch(redis, venue)
    decoded = {name: wire.decode(raw) for name, raw in table.items()}
    beside = {name: decoded.pop(name, {}) for name in BESIDE_CONNECTIONS}
    return {
        "venue": venue,
        "epoch": epoch,
        "age_seconds": _age_seconds(beside["totals"].get("at")),
        "connections": [decoded[name] for name in sorted(decoded, key=_natural)],
        **beside,
        "feed": report,
    }


def _natural(name: str) -> tuple[str, int]:
    route, _, number = name.rpartition("-")
    return route, int(number) if number.isdigit() else 0


def symbols(venue: str) -> dict[str, Any]:
    """Return the followed contracts with their newest quote items."""
    with _redis() as redis:
        table = snapshot.read(redis, venue, QUOTES)
        report = _feed(redis, venue)
        epoch = _epoch(redis, venue)
    rows = [
        {
            "symbol": row.symbol,
            "base": row.base,
            "quote": row.quote,
            "tick_size": row.tick_size,
            "step_size": row.step_size,
            "status": row.status,
            "rank": row.rank,
            **(wire.decode(table[row.symbol]) if row.symbol in table else {}),
        }
        for row in selectors.instruments(venue=venue)
    ]
    return {
        "venue": venue,
        "epoch": epoch,
        "age_seconds": None if report is None else _age_seconds(report.get("data_at")),
        "symbols": rows,
    }


def quotes(venue: str) -> dict[str, dict[str, Any]]:
    """Return the newest quote item of each symbol; raises ``BusUnavailable``."""
    with _redis() as redis:
        table = snapshot.read(redis, venue, QUOTES)
    return {symbol: wire.decode(raw) for symbol, raw in table.items()}


def quote_raw(venue: str, symbol: str) -> bytes | None:
    """Return the newest quote item of one symbol as JSON; raises ``BusUnavailable``."""
    with _redis() as redis:
        return snapshot.read_one(redis, venue, QUOTES, symbol)


def klines(venue: str, symbol: str, interval: str, limit: int) -> dict[str, Any]:
    """Return stored bars and, last, the unfinished one."""
    bars = selectors.bars_recent(
        venue=venue, symbol=symbol, interval=interval, limit=limit
    )
    with _redis() as redis:
        raw = snapshot.read_one(redis, venue, BARS, f"{symbol}:{interval}")
        epoch = _epoch(redis, venue)
    if raw is not None:
        newest = wire.decode(raw)
        if not bars or newest[0] > bars[-1][0]:
            bars = [*bars, newest][-limit:]
    return {
        "venue": venue,
        "symbol": symbol,
        "interval": interval,
        "epoch": epoch,
        "bars": bars,
    }


def symbol_item(
    venue: str, symbol: str, name: str, *, seconds: float
) -> dict[str, Any] | None:
    """Return the ``book`` or ``trades`` of a symbol; without ``k`` none came yet.

    Who asks looks at the symbol, for so many ``seconds``: the feed follows it then.
    None: the symbol is not followed, or nothing came of it since the feed began.
    """
    with _redis() as redis:
        if snapshot.read_one(redis, venue, QUOTES, symbol) is None:
            return None
        services.interest_declare_sync(
            redis, venue=venue, symbol=symbol, seconds=seconds, now_ms=now_ms()
        )
        raw = snapshot.read_one(redis, venue, symbol_topic(symbol), name)
        epoch = _epoch(redis, venue)
    return {"symbol": symbol, "epoch": epoch, **(wire.decode(raw) if raw else {})}


def today(venue: str) -> date:
    """Return the exchange's day, UTC."""
    return datetime.fromtimestamp(exchange_now(venue) / 1000, UTC).date()


def exchange_now(venue: str) -> int:
    """Return the exchange's time in ms: the newest datum's and its age.

    Without Redis or before the first datum it is this machine's time.
    """
    now = time.time_ns() // 1_000_000
    try:
        report = feed(venue) or {}
    except BusUnavailable:
        report = {}
    told, arrived = report.get("exchange_time"), report.get("data_at")
    return told + max(0, now - arrived) if told and arrived else now


def coverage(venue: str, day: date, intervals: Sequence[str]) -> dict[str, Any]:
    """Return stored against possible bars of a UTC day, per series and in all.

    A series can have every bar since its first one ever; one that is followed no
    longer (symbol without rank, or interval not among ``intervals``) only up to the
    last bar that it has of that day. Series that can have none are left out. A day
    before which a whole day has no bar counts from its own first one, because a
    series begins there anew: after history of long ago was imported, say.
    """
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    now = exchange_now(venue)
    followed = {row.symbol for row in selectors.instruments(venue=venue)}
    series = []
    for row in selectors.coverage(venue=venue, day_ms=start):
        due = row["symbol"] in followed and row["interval"] in intervals
        expected = _expected(row, start, now - DUE_AFTER_MS if due else start)
        if expected:
            series.append(_covered(row, expected))
    stored = sum(row["bars"] for row in series)
    possible = sum(row["expected"] for row in series)
    return {
        "day": day.isoformat(),
        "bars": stored,
        "expected": possible,
        "missing": possible - stored,
        "percent": _percent(stored, possible),
        "series": series,
    }


def _expected(row: dict[str, Any], start: int, due: int) -> int:
    """Return how many bars of the day from ``start`` can exist, closed until ``due``.

    What is stored although it is not due yet counts too.
    """
    interval, length = row["interval"], INTERVAL_MS[row["interval"]]
    first = row["first"]
    if row["oldest"] is not None and (row["before"] or 0) < start - selectors.DAY_MS:
        first = row["oldest"]
    begin = bar_open(max(start, first) + length - 1, interval)
    end = bar_open(due, interval)
    if row["newest"] is not None:
        end = max(end, row["newest"] + length)
    return max(0, -((begin - min(end, start + selectors.DAY_MS)) // length))


def _covered(row: dict[str, Any], expected: int) -> dict[str, Any]:
    return {
        "symbol": row["symbol"],
        "interval": row["interval"],
        "bars": row["bars"],
        "expected": expected,
        "missing": expected - row["bars"],
        "percent": _percent(row["bars"], expected),
    }


def _percent(part: int, whole: int) -> float | None:
    """Return percent with three decimals, rounded down: 100 means that all is there."""
    return None if whole == 0 else part * 100_000 // whole / 1000
