"""Reads of state and limits."""

from typing import cast

from risk.domain.gate import Limits, State
from risk.models import RiskLimits, RiskState


def risk_state(*, venue: str) -> State:
    """Return what trading may do on the venue."""
    row = RiskState.objects.filter(venue=venue).first()
    return "ACTIVE" if row is None else cast(State, row.state)


def risk_limits(*, venue: str) -> Limits:
    """Return the limits of the venue."""
    row = RiskLimits.objects.filter(venue=venue).first()
    if row is None:
        return Limits()
    return Limits(row.max_notional, row.quote_age_seconds)
