"""Scans, signals and what became of them. Every row belongs to a venue."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from core.errors import InvalidInput
from market.scanner.weights import FACTOR_NAMES, Weights

DEFAULT_WEIGHTS = Weights()


def _choices(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


class ScoreWeights(models.Model):
    """How much each factor counts on a venue; without a row the defaults do."""

    venue = models.CharField(max_length=16, unique=True)
    trend = models.FloatField(default=DEFAULT_WEIGHTS.trend)
    momentum = models.FloatField(default=DEFAULT_WEIGHTS.momentum)
    volatility = models.FloatField(default=DEFAULT_WEIGHTS.volatility)
    structure = models.FloatField(default=DEFAULT_WEIGHTS.structure)
    flow = models.FloatField(default=DEFAULT_WEIGHTS.flow)
    imbalance = models.FloatField(default=DEFAULT_WEIGHTS.imbalance)
    carry = models.FloatField(default=DEFAULT_WEIGHTS.carry)
    forecast = models.FloatField(default=DEFAULT_WEIGHTS.forecast)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "score weights"

    def __str__(self) -> str:
        return f"score weights of {self.venue}"

    def clean(self) -> None:
        """Refuse weights that no score can be made of."""
        try:
            self.weights()
        except InvalidInput as error:
            where = error.field if error.field in FACTOR_NAMES else "__all__"
            raise ValidationError({where: str(error)}) from error

    def weights(self) -> Weights:
        """Return the weights; raises ``InvalidInput``."""
        return Weights(**{name: getattr(self, name) for name in FACTOR_NAMES})


class Scan(models.Model):
    """One look at many symbols: asked for by a row, done by the one that scans.

    ``boundary`` is the time (ms) at which the bars closed that it looks at, or None
    when it was asked for in between. ``symbols`` empty means all that are followed.
    ``failed`` maps symbols to reasons. Times are ms since the epoch.
    """

    venue = models.CharField(max_length=16)
    interval = models.CharField(max_length=4)
    trigger = models.CharField(
        max_length=8, choices=_choices(("close", "start", "timer", "person", "command"))
    )
    requested_by = models.CharField(max_length=150, blank=True)
    requested_at = models.BigIntegerField()
    boundary = models.BigIntegerField(null=True)
    symbols = models.JSONField(default=list)
    min_score = models.FloatField(default=0.0)
    state = models.CharField(
        max_length=10,
        choices=_choices(("waiting", "running", "done", "cancelled", "failed")),
        default="waiting",
    )
    cancel_asked = models.BooleanField(default=False)
    started_at = models.BigIntegerField(null=True)
    elapsed_seconds = models.FloatField(null=True)
    total_symbols = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    scanned = models.PositiveIntegerField(default=0)
    failed = models.JSONField(default=dict)
    signals_found = models.PositiveIntegerField(default=0)
    prime_found = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["venue", "state"], name="scan_by_state")]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.venue} {self.interval} scan {self.id}: {self.state}"


class Signal(models.Model):
    """What was thought of a symbol at one moment, with everything it was thought from.

    ``bar_open``: open time (ms) of the last closed bar. ``factors``: a list of
    {name, value, weight, explanation}. ``inputs``: what the factors were made of, with
    ``bars_from`` (open time of the first bar) and ``bars`` (their number), so that the
    score can be computed again. ``win_probability`` is null while too little is known.
    """

    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="signals")
    venue = models.CharField(max_length=16)
    symbol = models.CharField(max_length=64)
    interval = models.CharField(max_length=4)
    bar_open = models.BigIntegerField()
    at = models.BigIntegerField()
    price = models.FloatField()
    score = models.FloatField()
    direction = models.CharField(
        max_length=5, choices=_choices(("long", "short", "flat"))
    )
    confidence = models.FloatField()
    win_probability = models.FloatField(null=True)
    prime = models.BooleanField()
    factors: "models.JSONField[Any, Any]" = models.JSONField()
    inputs: "models.JSONField[Any, Any]" = models.JSONField()

    class Meta:
        indexes = [
            models.Index(fields=["venue", "-id"], name="signal_by_venue"),
            models.Index(
                fields=["venue", "symbol", "interval", "-at"], name="signal_by_symbol"
            ),
            models.Index(fields=["venue", "bar_open"], name="signal_by_bar"),
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.symbol} {self.interval} {self.direction} {self.score:.0f}"


class SignalOutcome(models.Model):
    """What became of a signal after so many bars, after fees; a short counts as −r.

    ``exit_open``: open time (ms) of the bar at whose close it ended. ``net_return`` is
    a share of the price at the signal.
    """

    signal = models.ForeignKey(
        Signal, on_delete=models.CASCADE, related_name="outcomes"
    )
    horizon = models.PositiveSmallIntegerField(help_text="bars")
    exit_open = models.BigIntegerField()
    exit_price = models.FloatField()
    net_return = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["signal", "horizon"], name="outcome_once")
        ]

    def __str__(self) -> str:
        return f"{self.signal_id} after {self.horizon}: {self.net_return:+.4%}"


class Calibration(models.Model):
    """How scores from ``score_from`` to below ``score_to`` turned out.

    ``source``: ``live`` signals, or a ``backtest`` over stored history.
    """

    venue = models.CharField(max_length=16)
    source = models.CharField(max_length=8, choices=_choices(("live", "backtest")))
    interval = models.CharField(max_length=4)
    horizon = models.PositiveSmallIntegerField(help_text="bars")
    score_from = models.FloatField()
    score_to = models.FloatField()
    outcomes = models.PositiveIntegerField()
    wins = models.PositiveIntegerField()
    mean_return = models.FloatField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "source", "interval", "horizon", "score_from"],
                name="calibration_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.interval} {self.score_from:.0f}–{self.score_to:.0f}"


class FactorRecord(models.Model):
    """How well one factor alone told the return after ``horizon`` bars.

    ``correlation``: Spearman's rank correlation of value and return; ``hit_rate``:
    share of outcomes whose return had the factor's sign; both null with too few.
    """

    venue = models.CharField(max_length=16)
    source = models.CharField(max_length=8, choices=_choices(("live", "backtest")))
    interval = models.CharField(max_length=4)
    horizon = models.PositiveSmallIntegerField(help_text="bars")
    factor = models.CharField(max_length=16)
    outcomes = models.PositiveIntegerField()
    correlation = models.FloatField(null=True)
    hit_rate = models.FloatField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "source", "interval", "horizon", "factor"],
                name="factor_record_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.factor} {self.interval} after {self.horizon}"
