"""REST of what happened to the connections: export, patterns, incidents."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router

from core.clock import SystemClock, ms_of
from core.errors import InvalidInput
from core.export import Format, export_response
from market import connection_history, export, patterns_report

router = Router()

INCIDENTS_KEPT = 5_000
HOUR_MS = 3_600_000


@router.get("/connections/export")
def connections_export(
    request: HttpRequest,
    kind: Literal["statistics", "events"] = "statistics",
    file_format: Annotated[Format, Query(alias="format")] = Format.JSON,
    since: datetime | None = None,
    until: datetime | None = None,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int | None, Query(ge=1)] = None,
) -> StreamingHttpResponse:
    """A file: the statistics as they are now, or the events of a range.

    ``since`` (inclusive) and ``until`` are ISO times (UTC unless they say otherwise)
    or ms since the epoch. The next page of events begins after the id of the last row.
    """
    venue = settings.QUANTAI.site.exchange
    if kind == "statistics":
        return export_response(request, export.statistics(venue=venue), file_format)
    since_ms, until_ms = ms_of(since), ms_of(until)
    if since_ms is not None and until_ms is not None and until_ms <= since_ms:
        raise InvalidInput("until", str(until), "must be later than since")
    table = export.events(
        venue=venue, since_ms=since_ms, until_ms=until_ms, after=after, limit=limit
    )
    return export_response(request, table, file_format)


@router.get("/connections/patterns")
def connections_patterns(
    request: HttpRequest, days: Annotated[int, Query(ge=1, le=90)] = 30
) -> dict[str, Any]:
    """Disconnects that come back at a minute, an hour or an age, with the evidence."""
    return patterns_report.report(
        venue=settings.QUANTAI.site.exchange,
        now_ms=SystemClock().now_ms(),
        days=days,
    )


@router.get("/connections/incidents")
def connections_incidents(
    request: HttpRequest, hours: Annotated[int, Query(ge=1, le=168)] = 24
) -> dict[str, Any]:
    """What a picture of the last hours needs: [id, at, connection, kind, reason]."""
    now_ms = SystemClock().now_ms()
    rows = connection_history.incidents(
        venue=settings.QUANTAI.site.exchange,
        since_ms=now_ms - hours * HOUR_MS,
        limit=INCIDENTS_KEPT,
    )
    return {
        "since": now_ms - hours * HOUR_MS,
        "until": now_ms,
        "incidents": rows,
        "complete": len(rows) < INCIDENTS_KEPT,
    }
