"""All reads of the market app."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from market.candle_store import COLUMNS
from market.domain.candles import INTERVAL_MS, MissingBars
from market.models import (
    Candle,
    ConnectionEvent,
    FeedCommand,
    FeedControl,
    Gap,
    Instrument,
    Series,
)

TRADING = "TRADING"
BAR_FIELDS = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "trades",
)
DAY_MS = 86_400_000
GAP_FIELDS = (
    "id",
    "kind",
    "symbol",
    "interval",
    "first",
    "last",
    "missing",
    "found",
    "cause",
    "state",
    "note",
    "detected_at",
    "closed_at",
)
EVENT_FIELDS = (
    "id",
    "at",
    "connection",
    "route",
    "kind",
    "error_type",
    "reason",
    "advice",
    "delay_seconds",
    "since_previous_seconds",
)


def bars_recent(
    *, venue: str, symbol: str, interval: str, limit: int
) -> list[list[Any]]:
    """Return stored bars as [open_time, o, h, l, c, v, quote, trades, True], oldest first."""
    rows = (
        Candle.objects.filter(
            series__venue=venue, series__symbol=symbol, series__interval=interval
        )
        .order_by("-open_time")
        .values_list(*BAR_FIELDS)[:limit]
    )
    return [[*row, True] for row in reversed(rows)]


def open_times_since(*, venue: str, interval: str, since: int) -> dict[str, list[int]]:
    """Return per symbol the open times of stored bars from ``since`` (ms), in order."""
    rows = (
        Candle.objects.filter(
            series__venue=venue, series__interval=interval, open_time__gte=since
        )
        .order_by("open_time")
        .values_list("series__symbol", "open_time")
    )
    found: dict[str, list[int]] = {}
    for symbol, open_time in rows:
        found.setdefault(symbol, []).append(open_time)
    return found


def bars_between(*, venue: str, missing: MissingBars) -> int:
    """Return how many bars of the range are stored."""
    return Candle.objects.filter(
        series__venue=venue,
        series__symbol=missing.symbol,
        series__interval=missing.interval,
        open_time__range=(missing.first, missing.last),
    ).count()


def bar_rows(
    *,
    venue: str,
    symbol: str,
    interval: str,
    first: int,
    last: int,
    values: Sequence[str] = COLUMNS[2:],
) -> list[tuple[Any, ...]]:
    """Return bars from ``first`` to ``last`` (open times, ms), in order.

    Each is its open time and then its values, all in the order of the table unless
    fewer are asked for.
    """
    rows = Candle.objects.filter(
        series__venue=venue,
        series__symbol=symbol,
        series__interval=interval,
        open_time__range=(first, last),
    )
    return list(rows.order_by("open_time").values_list("open_time", *values))


def open_times_between(
    *, venue: str, symbol: str, interval: str, first: int, last: int
) -> list[int]:
    """Return the open times of stored bars from ``first`` to ``last``, in order."""
    rows = Candle.objects.filter(
        series__venue=venue,
        series__symbol=symbol,
        series__interval=interval,
        open_time__range=(first, last),
    )
    return list(rows.order_by("open_time").values_list("open_time", flat=True))


def open_times_around(
    *, venue: str, symbol: str, interval: str, first: int, last: int
) -> tuple[int | None, int | None]:
    """Return the open times of the nearest bars before ``first`` and after ``last``."""
    rows = Candle.objects.filter(
        series__venue=venue, series__symbol=symbol, series__interval=interval
    ).order_by("open_time")
    times = rows.values_list("open_time", flat=True)
    return (
        times.filter(open_time__lt=first).last(),
        times.filter(open_time__gt=last).first(),
    )


def is_followed(*, venue: str, symbol: str) -> bool:
    """Whether the feed of ``venue`` follows this contract."""
    rows = Instrument.objects.filter(venue=venue, symbol=symbol, rank__isnull=False)
    return rows.exists()


def bar_values(
    *, venue: str, symbol: str, interval: str, since: int
) -> dict[int, tuple[float, ...]]:
    """Return (open, high, low, close, volume, trades) by open time from ``since``."""
    rows = Candle.objects.filter(
        series__venue=venue,
        series__symbol=symbol,
        series__interval=interval,
        open_time__gte=since,
    ).values_list("open_time", "open", "high", "low", "close", "volume", "trades")
    return {row[0]: (*row[1:6], float(row[6])) for row in rows}


def gaps(
    *, venue: str, state: str = "", symbol: str = "", after: int = 0, limit: int = 100
) -> list[dict[str, Any]]:
    """Return ledger rows, newest first; ``after`` is the id of the last row seen."""
    rows = Gap.objects.filter(venue=venue).order_by("-id")
    if state:
        rows = rows.filter(state=state)
    if symbol:
        rows = rows.filter(symbol=symbol)
    if after:
        rows = rows.filter(id__lt=after)
    return list(rows.values(*GAP_FIELDS)[:limit])


def gap_totals(*, venue: str) -> dict[str, int]:
    """Return how many gaps are in each state and what is still missing of them.

    ``missing`` counts bars, ``missing_trades`` ids of trades.
    """
    rows = Gap.objects.filter(venue=venue).annotate(lacking=F("missing") - F("found"))
    counted = rows.aggregate(
        open=Count("id", filter=Q(state="open")),
        filled=Count("id", filter=Q(state="filled")),
        unfillable=Count("id", filter=Q(state="unfillable")),
        missing=Sum("lacking", default=0, filter=Q(kind="kline")),
        missing_trades=Sum("lacking", default=0, filter=Q(kind="aggTrade")),
    )
    return dict(counted)


def coverage(*, venue: str, day_ms: int) -> list[dict[str, Any]]:
    """Return per series its bars of a UTC day; a bar counts by its open time.

    ``first`` is the series' first bar ever, ``before`` the last one before the day,
    ``oldest`` and ``newest`` the first and last one of the day, None where there is
    none. Each value is a look into the primary key, however long the history.
    """
    stored = Candle.objects.filter(series=OuterRef("pk")).order_by("open_time")
    of_day = stored.filter(open_time__gte=day_ms, open_time__lt=day_ms + DAY_MS)
    before = stored.filter(open_time__lt=day_ms)
    counted = of_day.order_by().values("series").annotate(bars=Count("open_time"))
    rows = (
        Series.objects.filter(venue=venue)
        .annotate(
            first=Subquery(stored.values("open_time")[:1]),
            before=Subquery(before.reverse().values("open_time")[:1]),
            oldest=Subquery(of_day.values("open_time")[:1]),
            newest=Subquery(of_day.reverse().values("open_time")[:1]),
            bars=Coalesce(Subquery(counted.values("bars")), 0),
        )
        .filter(first__isnull=False)
        .order_by("symbol", "interval")
    )
    found = rows.values(
        "symbol", "interval", "first", "before", "oldest", "newest", "bars"
    )
    return [dict(row) for row in found]


def candle_count(*, venue: str) -> int:
    """Return how many bars of ``venue`` are stored."""
    return Candle.objects.filter(series__venue=venue).count()


def connection_events(
    *, venue: str, after: int | None, limit: int
) -> list[dict[str, Any]]:
    """Return events with an id above ``after`` (else the newest), oldest first."""
    rows = ConnectionEvent.objects.filter(venue=venue)
    if after is not None:
        return list(
            rows.filter(id__gt=after).order_by("id").values(*EVENT_FIELDS)[:limit]
        )
    return list(rows.order_by("-id").values(*EVENT_FIELDS)[:limit])[::-1]


def instruments(*, venue: str) -> list[Instrument]:
    """Return the contracts of ``venue``, the most traded first."""
    return list(Instrument.objects.filter(venue=venue, rank__isnull=False))


def gaps_open(*, venue: str) -> list[MissingBars]:
    """Return the ranges of bars that are not settled."""
    rows = Gap.objects.filter(venue=venue, state="open", kind="kline")
    return [
        MissingBars(*row)
        for row in rows.values_list("symbol", "interval", "first", "last")
    ]


def unfillable_since(*, venue: str, interval: str, since: int) -> dict[str, list[int]]:
    """Return by symbol the open times of bars that the exchange does not have."""
    rows = Gap.objects.filter(
        venue=venue,
        kind="kline",
        interval=interval,
        state="unfillable",
        last__gte=since,
    ).values_list("symbol", "first", "last")
    found: dict[str, list[int]] = {}
    for symbol, first, last in rows:
        times = range(first, last + 1, INTERVAL_MS[interval])
        found.setdefault(symbol, []).extend(at for at in times if at >= since)
    return found


def tradable_symbols(*, venue: str) -> set[str]:
    """Return the symbols that the exchange was last seen to trade."""
    rows = Instrument.objects.filter(venue=venue, status=TRADING)
    return set(rows.values_list("symbol", flat=True))


def feed_desired(*, venue: str) -> str:
    """Return what the operator wants: ``running`` (the default) or ``stopped``."""
    row = FeedControl.objects.filter(venue=venue).first()
    return row.desired if row is not None else "running"


def feed_commands_waiting(*, venue: str) -> list[FeedCommand]:
    """Return commands that nobody has acknowledged, oldest first."""
    return list(FeedCommand.objects.filter(venue=venue, acknowledged_at__isnull=True))


def feed_commands_recent(*, venue: str, limit: int = 5) -> list[dict[str, Any]]:
    """Return the last commands, newest first, as plain values."""
    rows = FeedCommand.objects.filter(venue=venue).order_by("-id")[:limit]
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "target": row.target,
            "requested_by": row.requested_by,
            "requested_at": _ms(row.requested_at),
            "acknowledged_at": _ms(row.acknowledged_at),
            "result": row.result,
        }
        for row in rows
    ]


def feed_command(*, command_id: int) -> FeedCommand:
    """Return one command; raises ``FeedCommand.DoesNotExist``."""
    return FeedCommand.objects.get(id=command_id)


def _ms(moment: Any) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
