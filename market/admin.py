"""Weights of the score, scans and signals in Django's admin."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from market.models import Scan, ScoreWeights, Signal
from market.scanner.weights import FACTOR_NAMES

if TYPE_CHECKING:
    WeightsBase = admin.ModelAdmin[ScoreWeights]
    ScanBase = admin.ModelAdmin[Scan]
    SignalBase = admin.ModelAdmin[Signal]
else:
    WeightsBase = ScanBase = SignalBase = admin.ModelAdmin


@admin.register(ScoreWeights)
class ScoreWeightsAdmin(WeightsBase):
    """How much each factor counts; checked as a whole before it is saved."""

    list_display = ("venue", *FACTOR_NAMES, "updated_at")
    search_fields = ("venue",)


class _ReadOnly:
    """What the scanner wrote is looked at, never changed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Scan)
class ScanAdmin(_ReadOnly, ScanBase):
    """Scans with their counts and reasons."""

    list_display = (
        "id",
        "venue",
        "interval",
        "trigger",
        "state",
        "total_symbols",
        "scanned",
        "signals_found",
        "prime_found",
        "elapsed_seconds",
        "note",
    )
    list_filter = ("venue", "interval", "trigger", "state")
    search_fields = ("requested_by", "note")


@admin.register(Signal)
class SignalAdmin(_ReadOnly, SignalBase):
    """Signals with everything they were made of."""

    list_display = (
        "id",
        "symbol",
        "interval",
        "direction",
        "score",
        "confidence",
        "win_probability",
        "prime",
        "price",
    )
    list_filter = ("venue", "interval", "direction", "prime")
    search_fields = ("symbol",)
