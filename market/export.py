"""The market's tables as files: statistics of connections, and their events."""

from collections.abc import Iterator
from typing import Any

from core.export import Kind, Table
from market import connection_history, live

ERRORS = ("SSL", "NETWORK", "TIMEOUT", "PROTOCOL", "UNKNOWN")
STATISTICS: dict[str, Kind] = {
    "scope": "text",
    "id": "text",
    "route": "text",
    "state": "text",
    "streams_expected": "integer",
    "streams_live": "integer",
    "streams_silent": "integer",
    "uptime_seconds": "number",
    "reconnects": "integer",
    "successful_reconnects": "integer",
    "success_rate": "number",
    "average_delay_seconds": "number",
    "max_delay_seconds": "number",
    "consecutive_failures": "integer",
    "rtt_p50_ms": "number",
    "rtt_p99_ms": "number",
    "messages": "integer",
    "bytes": "integer",
    "messages_per_second": "number",
    "last_message_age_seconds": "number",
    "last_pong_time": "integer",
    **{f"errors_{name.lower()}": "integer" for name in ERRORS},
}
EVENTS: dict[str, Kind] = {
    "id": "integer",
    "at": "integer",
    "connection": "text",
    "route": "text",
    "kind": "text",
    "error_type": "text",
    "reason": "text",
    "advice": "text",
    "delay_seconds": "number",
    "since_previous_seconds": "number",
}


def statistics(*, venue: str) -> Table:
    """Return one row per connection, and one (scope ``total``) for all together."""
    report = live.connections(venue)
    return Table(
        name="connection-statistics",
        venue=venue,
        columns=STATISTICS,
        rows=_statistics(report),
        facts={"age_seconds": report["age_seconds"]},
    )


def events(
    *,
    venue: str,
    since_ms: int | None,
    until_ms: int | None,
    after: int,
    limit: int | None,
) -> Table:
    """Return what happened to the connections, oldest first; times in ms."""
    return Table(
        name="connection-events",
        venue=venue,
        columns=EVENTS,
        rows=connection_history.events_between(
            venue=venue,
            since_ms=since_ms,
            until_ms=until_ms,
            after=after,
            limit=limit,
        ),
        facts={"since": since_ms, "until": until_ms, "after": after},
    )


def _statistics(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in report["connections"]:
        rtt = row.get("rtt_ms") or {}
        yield {
            **row,
            "scope": "connection",
            "rtt_p50_ms": rtt.get("p50"),
            "rtt_p99_ms": rtt.get("p99"),
            **_errors(row.get("errors") or {}),
        }
    totals, sums = report["totals"], report["reconnect_statistics"]
    if totals:
        yield {
            **totals,
            "scope": "total",
            "reconnects": sums.get("total_reconnects"),
            "successful_reconnects": sums.get("successful_reconnects"),
            "success_rate": sums.get("success_rate"),
            "average_delay_seconds": sums.get("average_delay"),
            "max_delay_seconds": sums.get("max_delay"),
            **_errors(sums.get("error_distribution") or {}),
        }


def _errors(counts: dict[str, int]) -> dict[str, int]:
    return {f"errors_{name.lower()}": counts.get(name, 0) for name in ERRORS}
