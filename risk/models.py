"""What trading may do now, and the limits that every order must keep.

One row each per venue; money is exact, times are ms since the epoch. Who changed what
stands in the audit trail.
"""

from decimal import Decimal

from django.db import models

from core.fields import ExactDecimalField
from risk.domain.gate import STATES


class RiskState(models.Model):
    """ACTIVE, REDUCING or HALTED; it survives restarts. Without a row: ACTIVE."""

    venue = models.CharField(max_length=16, unique=True)
    state = models.CharField(
        max_length=8, choices=[(one, one) for one in STATES], default="ACTIVE"
    )
    reason = models.CharField(max_length=300, blank=True)
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.venue}: {self.state}"


class RiskLimits(models.Model):
    """See ``risk.domain.gate.Limits``. Without a row: its defaults."""

    venue = models.CharField(max_length=16, unique=True)
    max_notional = ExactDecimalField(default=Decimal(100_000))
    quote_age_seconds = models.FloatField(default=5.0)
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "risk limits"

    def __str__(self) -> str:
        return f"{self.venue}: {self.max_notional}, {self.quote_age_seconds:g} s"
