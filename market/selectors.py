"""All reads of the market app."""

from typing import Any

from django.db.models import Max

from market.models import (
    Candle,
    ConnectionEvent,
    FeedCommand,
    FeedControl,
    Instrument,
    Series,
)

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


def newest_open_times(*, venue: str) -> dict[tuple[str, str], int]:
    """Return the open time of the newest stored bar per (symbol, interval)."""
    rows = (
        Series.objects.filter(venue=venue)
        .annotate(newest=Max("candle__open_time"))
        .values_list("symbol", "interval", "newest")
    )
    return {
        (symbol, interval): newest
        for symbol, interval, newest in rows
        if newest is not None
    }


def open_times(*, venue: str, symbol: str, interval: str, since: int) -> list[int]:
    """Return the open times of stored bars from ``since`` (ms) on, in order."""
    rows = Candle.objects.filter(
        series__venue=venue,
        series__symbol=symbol,
        series__interval=interval,
        open_time__gte=since,
    )
    return list(rows.order_by("open_time").values_list("open_time", flat=True))


def candle_count(*, venue: str) -> int:
    """Return how many bars of ``venue`` are stored."""
    return Candle.objects.filter(series__venue=venue).count()


def connection_events(
    *, venue: str, after: int | None, limit: int
) -> list[dict[str, Any]]:
    """Return events with an id above ``after`` (else the newest), oldest first."""
    rows = ConnectionEvent.objects.filter(venue=venue)
    if after is not None:
        chosen = list(rows.filter(id__gt=after).order_by("id").values()[:limit])
    else:
        chosen = list(rows.order_by("-id").values()[:limit])[::-1]
    for row in chosen:
        del row["venue"]
    return chosen


def instruments(*, venue: str) -> list[Instrument]:
    """Return the contracts of ``venue``, the most traded first."""
    return list(Instrument.objects.filter(venue=venue, rank__isnull=False))


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
