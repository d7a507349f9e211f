"""REST of what every app has, mounted at /api/v1."""

from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router
from ninja.errors import HttpError

from core import alerts, push
from core.models import Alert, AlertState, Severity

router = Router()


@router.get("/alerts")
def alert_list(
    request: HttpRequest,
    state: AlertState | Literal[""] = "",
    severity: Severity | Literal[""] = "",
    after: int | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Alerts, newest first; ``after`` is the id of the last one seen."""
    venue = settings.QUANTAI.site.exchange
    # Before the rows: an alert between the two is told again instead of never.
    position = push.position(alerts.TOPIC)
    rows = alerts.alerts(
        venue=venue,
        state=state,
        severity=severity,
        after=after,
        limit=limit,
    )
    return {
        "alerts": rows,
        "next_after": rows[-1]["id"] if len(rows) == limit else None,
        "totals": alerts.alert_totals(venue=venue),
        **position,
    }


@router.post("/alerts/{alert_id}/acknowledge")
def alert_acknowledge(request: HttpRequest, alert_id: int) -> dict[str, Any]:
    """Say that somebody knows of it; an acknowledged alert no longer asks for one."""
    try:
        return alerts.alert_acknowledge(alert_id, request.user.get_username())
    except Alert.DoesNotExist:
        raise HttpError(404, f"There is no alert {alert_id}.") from None
