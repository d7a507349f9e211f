"""All writes of the market app."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from core import control
from core import redis as core_redis
from core.errors import InvalidInput
from market import candle_store, selectors
from market.binance.events import ConnectionEvent as Event
from market.domain import types
from market.domain.candles import MissingBars
from market.models import (
    ConnectionEvent,
    FeedCommand,
    FeedControl,
    Gap,
    Instrument,
    Series,
)

log = logging.getLogger(__name__)

EVENT_TEXT_LIMIT = 2000
CLOSED = "CLOSE"


def worker_name(venue: str) -> str:
    """Return the name under which the feed of a venue is woken."""
    return f"feed-{venue}"


def interest_key(venue: str) -> str:
    """Return the Redis key of the symbols somebody looks at (score: expiry in ms)."""
    return core_redis.key("interest", venue)


class CandleStore:
    """Stores closed candles of one venue; knows the ids of its series."""

    def __init__(self, venue: str) -> None:
        self._venue = venue
        self._ids: dict[tuple[str, str], int] = {}

    def store(self, candles: Iterable[types.Candle]) -> int:
        """Store closed candles in one transaction and return how many.

        Storing a candle again replaces it. Raises ``django.db.Error``.
        """
        wanted = list(candles)
        with transaction.atomic():
            ids = self._series({(candle.symbol, candle.interval) for candle in wanted})
            count = candle_store.upsert(
                (
                    ids[candle.symbol, candle.interval],
                    candle.open_time,
                    candle.open,
                    candle.high,
                    candle.low,
                    candle.close,
                    candle.volume,
                    candle.quote_volume,
                    candle.trades,
                    candle.taker_base,
                    candle.taker_quote,
                )
                for candle in wanted
            )
        # Not before the commit: a series that was rolled back has no id.
        self._ids = ids
        return count

    def store_rows(self, pair: tuple[str, str], rows: Iterable[tuple[Any, ...]]) -> int:
        """Store closed bars of one series (symbol, interval) and return how many.

        A row is an open time and then the values in the order of the table; storing
        one again replaces it. Raises ``django.db.Error``.
        """
        with transaction.atomic():
            ids = self._series({pair})
            count = candle_store.upsert((ids[pair], *row) for row in rows)
        self._ids = ids
        return count

    def prepare(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Make the series (symbol, interval) that are missing, all at once."""
        with transaction.atomic():
            ids = self._series(set(pairs))
        self._ids = ids

    def _series(self, pairs: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Return the ids of these series at least; new ones are made."""
        if pairs <= self._ids.keys():
            return self._ids
        Series.objects.bulk_create(
            (
                Series(venue=self._venue, symbol=symbol, interval=interval)
                for symbol, interval in sorted(pairs - self._ids.keys())
            ),
            ignore_conflicts=True,
        )
        rows = Series.objects.filter(venue=self._venue)
        return {
            (symbol, interval): number
            for number, symbol, interval in rows.values_list("id", "symbol", "interval")
        }


def connection_events_store(*, venue: str, events: Sequence[Event]) -> list[int]:
    """Store connection events and return their ids, in order."""
    rows = ConnectionEvent.objects.bulk_create(
        ConnectionEvent(
            venue=venue,
            at=event.at,
            connection=event.connection,
            route=event.route,
            kind=event.kind,
            error_type=event.error_type,
            reason=event.reason[:EVENT_TEXT_LIMIT],
            advice=event.advice,
            delay_seconds=event.delay_seconds,
            since_previous_seconds=event.since_previous_seconds,
        )
        for event in events
    )
    return [row.id for row in rows]


def connection_events_prune(*, venue: str, before_ms: int) -> int:
    """Delete events older than ``before_ms`` and return how many."""
    old = ConnectionEvent.objects.filter(venue=venue, at__lt=before_ms)
    count, _ = old.delete()
    return count


def instruments_store(
    *, venue: str, instruments: Iterable[types.Instrument], ranks: dict[str, int]
) -> None:
    """Store what the exchange tells of its contracts; rank 1 trades most.

    Contracts that are followed no longer lose their rank, and those of which the
    exchange tells nothing more are closed.
    """
    now = timezone.now()
    rows = [
        Instrument(
            venue=venue,
            symbol=item.symbol,
            base=item.base,
            quote=item.quote,
            status=item.status,
            tick_size=str(item.tick_size),
            step_size=str(item.step_size),
            min_notional=str(item.min_notional),
            rank=ranks.get(item.symbol),
            updated_at=now,
        )
        for item in instruments
    ]
    with transaction.atomic():
        _instruments_upsert(rows)
        unfollowed = Instrument.objects.filter(venue=venue, rank__isnull=False)
        unfollowed.exclude(symbol__in=ranks).update(rank=None, updated_at=now)
        trading = Instrument.objects.filter(venue=venue, status=selectors.TRADING)
        told = [row.symbol for row in rows]
        trading.exclude(symbol__in=told).update(status=CLOSED, updated_at=now)


def _instruments_upsert(rows: list[Instrument]) -> None:
    Instrument.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["venue", "symbol"],
        update_fields=[
            "base",
            "quote",
            "status",
            "tick_size",
            "step_size",
            "min_notional",
            "rank",
            "updated_at",
        ],
    )


def gaps_open(
    *, venue: str, ranges: Sequence[MissingBars], cause: str, now_ms: int
) -> None:
    """Store missing ranges; one that is open already keeps its row and may grow."""
    Gap.objects.bulk_create(
        (
            Gap(
                venue=venue,
                kind="kline",
                symbol=item.symbol,
                interval=item.interval,
                first=item.first,
                last=item.last,
                missing=item.bars,
                cause=cause[:EVENT_TEXT_LIMIT],
                detected_at=now_ms,
            )
            for item in ranges
        ),
        update_conflicts=True,
        unique_fields=["venue", "kind", "symbol", "interval", "first"],
        update_fields=["last", "missing", "found", "state", "note", "closed_at"],
    )


def trade_gaps_open(
    *, venue: str, holes: Sequence[tuple[str, int, int]], cause: str, now_ms: int
) -> None:
    """Store missing ids (symbol, first, last) of aggregated trades."""
    Gap.objects.bulk_create(
        (
            Gap(
                venue=venue,
                kind="aggTrade",
                symbol=symbol,
                first=first,
                last=last,
                missing=last - first + 1,
                cause=cause[:EVENT_TEXT_LIMIT],
                detected_at=now_ms,
            )
            for symbol, first, last in holes
        ),
        ignore_conflicts=True,
    )


def trade_gap_settle(
    *, venue: str, symbol: str, first: int, found: int, note: str, now_ms: int
) -> None:
    """Close the row of missing ids; a note says why some cannot be had."""
    Gap.objects.filter(
        venue=venue, kind="aggTrade", symbol=symbol, first=first, state="open"
    ).update(
        found=found,
        note=note[:200],
        closed_at=now_ms,
        state="unfillable" if note else "filled",
    )


def gaps_settle(*, venue: str, ranges: Sequence[MissingBars], now_ms: int) -> None:
    """Count what is stored now and close the rows as filled or unfillable."""
    for item in ranges:
        found = selectors.bars_between(venue=venue, missing=item)
        lacking = item.bars - found
        Gap.objects.filter(
            venue=venue,
            kind="kline",
            symbol=item.symbol,
            interval=item.interval,
            first=item.first,
            state="open",
        ).update(
            found=found,
            closed_at=now_ms,
            state="filled" if lacking == 0 else "unfillable",
            note="" if lacking == 0 else f"the exchange has no {lacking} of them",
        )


def feed_desire(*, venue: str, desired: str, actor: str) -> FeedCommand:
    """Ask that the feed of ``venue`` be ``running`` or ``stopped``."""
    if desired not in ("running", "stopped"):
        raise InvalidInput("desired", desired, "must be running or stopped")
    kind = "start" if desired == "running" else "stop"
    with transaction.atomic():
        FeedControl.objects.update_or_create(
            venue=venue, defaults={"desired": desired, "changed_by": actor}
        )
        return _command_create(venue=venue, kind=kind, target="", actor=actor)


def feed_reconnect(*, venue: str, connection: str, actor: str) -> FeedCommand:
    """Ask that one connection be replaced now."""
    with transaction.atomic():
        return _command_create(
            venue=venue, kind="reconnect", target=connection, actor=actor
        )


def _command_create(*, venue: str, kind: str, target: str, actor: str) -> FeedCommand:
    command = FeedCommand.objects.create(
        venue=venue, kind=kind, target=target[:32], requested_by=actor
    )
    transaction.on_commit(lambda: _wake(venue, kind))
    return command


def _wake(venue: str, kind: str) -> None:
    try:
        control.wake_sync(worker_name(venue), kind)
    except core_redis.UNAVAILABLE as error:
        # The feed looks at the table every few seconds anyway.
        log.warning("feed not woken for %s: %s", kind, error)


def feed_command_acknowledge(*, command_id: int, result: str) -> bool:
    """Mark a command as done, once; returns False when somebody else did."""
    changed = FeedCommand.objects.filter(
        id=command_id, acknowledged_at__isnull=True
    ).update(acknowledged_at=timezone.now(), result=result[:200])
    return changed == 1


async def interest_declare(
    redis: "AsyncRedis", *, venue: str, symbol: str, seconds: float, now_ms: int
) -> None:
    """Say that somebody looks at ``symbol`` for the next ``seconds``."""
    until = _until(symbol, seconds, now_ms)
    await redis.zadd(interest_key(venue), until, gt=True)


def interest_declare_sync(
    redis: Redis, *, venue: str, symbol: str, seconds: float, now_ms: int
) -> None:
    """Do what ``interest_declare`` does, outside an event loop."""
    redis.zadd(interest_key(venue), _until(symbol, seconds, now_ms), gt=True)


def _until(symbol: str, seconds: float, now_ms: int) -> dict[str, float]:
    return {symbol.upper(): now_ms + seconds * 1000}
