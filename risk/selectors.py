"""Reads of state, limits and their changes."""

from typing import Any, cast

import orjson

from core.models import AuditEntry
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


def risk_changes(*, venue: str, limit: int) -> list[dict[str, Any]]:
    """Return the newest changes of state and limits, newest first, as REST tells them."""
    rows = AuditEntry.objects.filter(
        target=venue, action__in=("risk.state", "risk.limits")
    )
    return [
        {
            "id": row.number,
            "at": row.at,
            "actor": row.actor,
            "action": row.action,
            "before": orjson.loads(row.before),
            "after": orjson.loads(row.after),
        }
        for row in rows.order_by("-number")[:limit]
    ]
