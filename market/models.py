"""Stored market data. Every row belongs to a venue; venues never mix."""

from django.db import models

from market.signal_models import (
    Calibration,
    FactorRecord,
    Scan,
    ScoreWeights,
    Signal,
    SignalOutcome,
)

__all__ = [
    "Calibration",
    "Candle",
    "ConnectionEvent",
    "FactorRecord",
    "FeedCommand",
    "FeedControl",
    "Gap",
    "Instrument",
    "RequestBudget",
    "Scan",
    "ScoreWeights",
    "Series",
    "Signal",
    "SignalOutcome",
]


class Instrument(models.Model):
    """A contract with the rules an order must keep, as the exchange last told."""

    venue = models.CharField(max_length=16)
    symbol = models.CharField(max_length=64)
    base = models.CharField(max_length=32)
    quote = models.CharField(max_length=32)
    status = models.CharField(max_length=32)
    tick_size = models.CharField(max_length=32)
    step_size = models.CharField(max_length=32)
    min_notional = models.CharField(max_length=32)
    rank = models.PositiveIntegerField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "symbol"], name="instrument_once_per_venue"
            )
        ]
        ordering = ["rank", "symbol"]

    def __str__(self) -> str:
        return f"{self.symbol} ({self.venue})"


class Series(models.Model):
    """One symbol at one interval on one venue."""

    venue = models.CharField(max_length=16)
    symbol = models.CharField(max_length=64)
    interval = models.CharField(max_length=4)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "symbol", "interval"], name="series_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.symbol} {self.interval} ({self.venue})"


class Candle(models.Model):
    """A closed bar; times in ms since the epoch, volumes in base and quote units."""

    pk = models.CompositePrimaryKey("series_id", "open_time")
    series = models.ForeignKey(Series, on_delete=models.CASCADE, db_index=False)
    open_time = models.BigIntegerField()
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()
    quote_volume = models.FloatField()
    trades = models.IntegerField()
    taker_base = models.FloatField()
    taker_quote = models.FloatField()

    def __str__(self) -> str:
        return f"{self.series_id} {self.open_time}"


class ConnectionEvent(models.Model):
    """Something that happened to a connection; ``at`` in ms since the epoch."""

    venue = models.CharField(max_length=16)
    at = models.BigIntegerField(db_index=True)
    connection = models.CharField(max_length=32)
    route = models.CharField(max_length=16)
    kind = models.CharField(max_length=24)
    error_type = models.CharField(max_length=16, null=True)  # noqa: DJ001
    reason = models.TextField()
    advice = models.TextField(null=True)  # noqa: DJ001
    delay_seconds = models.FloatField(null=True)
    since_previous_seconds = models.FloatField(null=True)

    class Meta:
        indexes = [models.Index(fields=["venue", "id"], name="event_by_venue")]

    def __str__(self) -> str:
        return f"{self.connection} {self.kind}: {self.reason}"


class Gap(models.Model):
    """A range of closed bars or aggregated trades that the streams did not bring.

    ``first`` and ``last`` are open times in ms (bars) or ids (trades), both missing;
    ``found`` counts what is there now, verified by reading it back.
    """

    venue = models.CharField(max_length=16)
    kind = models.CharField(
        max_length=8, choices=[(name, name) for name in ("kline", "aggTrade")]
    )
    symbol = models.CharField(max_length=64)
    interval = models.CharField(max_length=4, blank=True)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    missing = models.PositiveIntegerField()
    found = models.PositiveIntegerField(default=0)
    cause = models.TextField()
    state = models.CharField(
        max_length=12,
        choices=[(name, name) for name in ("open", "filled", "unfillable")],
        default="open",
    )
    note = models.CharField(max_length=200, blank=True)
    detected_at = models.BigIntegerField()
    closed_at = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "kind", "symbol", "interval", "first"],
                name="gap_once",
            )
        ]
        indexes = [models.Index(fields=["venue", "state"], name="gap_by_state")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.interval} {self.first}–{self.last}: {self.state}"


class RequestBudget(models.Model):
    """What the exchange allows this address just now, kept for restarts.

    ``ceiling`` is at least the request weight used in ``minute`` (minutes since the
    epoch on the exchange's clock). Until ``held_until`` (ms since the epoch on this
    machine's clock) nothing may be sent; ``banned`` tells a ban from a back-off.
    """

    venue = models.CharField(max_length=16, unique=True)
    minute = models.BigIntegerField(default=0)
    ceiling = models.PositiveIntegerField(default=0)
    held_until = models.BigIntegerField(default=0)
    banned = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.venue}: held until {self.held_until}"


class FeedControl(models.Model):
    """Whether the feed of a venue is wanted to run."""

    venue = models.CharField(max_length=16, unique=True)
    desired = models.CharField(
        max_length=8, choices=[("running", "running"), ("stopped", "stopped")]
    )
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.venue}: {self.desired}"


class FeedCommand(models.Model):
    """One order of a person to the feed; acknowledged by the feed that owns it."""

    venue = models.CharField(max_length=16)
    kind = models.CharField(
        max_length=12,
        choices=[(name, name) for name in ("start", "stop", "reconnect")],
    )
    target = models.CharField(max_length=32, blank=True)
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField(auto_now_add=True)
    acknowledged_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}".strip()
