"""REST of state and limits, mounted at /api/v1/risk.

Whoever trades may stop trading; to allow more again takes the role risk or admin.
"""

from decimal import Decimal
from typing import Annotated, Any, cast

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.errors import AuthorizationError
from pydantic import ConfigDict, Field

from core.access import Actor, Role, has_role
from core.fields import plain
from risk import selectors, services
from risk.domain.gate import STATES, State
from risk.models import RiskState

router = Router()


class WantedState(Schema):
    """What trading may do from now on, and why."""

    model_config = ConfigDict(extra="forbid")

    state: State
    reason: Annotated[str, Field(max_length=300)] = ""


class WantedLimits(Schema):
    """Limits to change; one that is not given stays."""

    model_config = ConfigDict(extra="forbid")

    max_notional: Annotated[Decimal, Field(allow_inf_nan=False)] | None = None
    quote_age_seconds: Annotated[float, Field(allow_inf_nan=False)] | None = None
    reason: Annotated[str, Field(max_length=300)] = ""


@router.get("/state")
def risk_state(request: HttpRequest) -> dict[str, Any]:
    """What trading may do, since when and by whom, and the limits of every order."""
    return _told()


@router.post("/state")
def risk_state_set(request: HttpRequest, wanted: WantedState) -> dict[str, Any]:
    """Set ACTIVE, REDUCING or HALTED; it stays over restarts."""
    now = selectors.risk_state(venue=_venue())
    if STATES.index(wanted.state) < STATES.index(now):
        _needs_risk(request, "to allow more again")
    services.state_set(
        venue=_venue(),
        state=wanted.state,
        actor=request.user.get_username(),
        reason=wanted.reason,
    )
    return _told()


@router.post("/limits")
def risk_limits_set(request: HttpRequest, wanted: WantedLimits) -> dict[str, Any]:
    """Change what every order must keep."""
    _needs_risk(request, "to change limits")
    services.limits_set(
        venue=_venue(),
        actor=request.user.get_username(),
        max_notional=wanted.max_notional,
        quote_age_seconds=wanted.quote_age_seconds,
        reason=wanted.reason,
    )
    return _told()


@router.get("/changes")
def risk_changes(
    request: HttpRequest, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> dict[str, Any]:
    """Who changed state and limits, newest first."""
    rows = selectors.risk_changes(venue=_venue(), limit=limit)
    return {"venue": _venue(), "changes": rows}


def _venue() -> str:
    return settings.QUANTAI.site.exchange


def _needs_risk(request: HttpRequest, what: str) -> None:
    if not has_role(cast(Actor, request.user), Role.RISK):
        raise AuthorizationError(message=f"It takes the role risk or admin {what}.")


def _told() -> dict[str, Any]:
    venue = _venue()
    row = RiskState.objects.filter(venue=venue).first()
    limits = selectors.risk_limits(venue=venue)
    return {
        "venue": venue,
        "state": selectors.risk_state(venue=venue),
        "reason": row.reason if row else "",
        "changed_by": row.changed_by if row else "",
        "changed_at": row.changed_at if row else None,
        "limits": {
            "max_notional": plain(limits.max_notional),
            "quote_age_seconds": limits.quote_age_seconds,
        },
    }
