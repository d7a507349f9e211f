"""What several connections come to together."""

from collections.abc import Sequence
from typing import Any

from market.binance.connection import Connection
from market.binance.events import State
from market.binance.failures import WebSocketErrorType
from market.binance.streams import StreamKind

KEPT = 10


def totals(
    connections: Sequence[Connection], rows: Sequence[dict[str, Any]], now: float
) -> dict[str, Any]:
    """Return counts over connections and their ``statistics()`` rows."""
    live_klines = sum(
        status.kind is StreamKind.KLINE and not status.on_trial and status.live(now)
        for connection in connections
        for status in connection.session.streams.values()
    )
    return {
        "connections": len(rows),
        "connections_live": sum(
            each.state in (State.LIVE, State.DEGRADED) for each in connections
        ),
        "streams_expected": sum(row["streams_expected"] for row in rows),
        "streams_live": sum(row["streams_live"] for row in rows),
        "streams_silent": sum(row["streams_silent"] for row in rows),
        "kline_streams_live": live_klines,
        "messages": sum(row["messages"] for row in rows),
        "bytes": sum(row["bytes"] for row in rows),
    }


def reconnect_statistics(connections: Sequence[Connection]) -> dict[str, Any]:
    """Return counts, rates and the last reconnects over connections."""
    reconnectors = [each.reconnector for each in connections]
    total = sum(r.total for r in reconnectors)
    failures = sum(sum(r.errors.values()) for r in reconnectors)
    succeeded = sum(r.succeeded for r in reconnectors)
    settled = sum(r.settled for r in reconnectors)
    history = sorted(
        (
            {**record.as_dict(), "connection": connection.id}
            for connection in connections
            for record in connection.reconnector.history
        ),
        key=lambda record: record["at"],
    )
    return {
        "total_reconnects": total,
        "successful_reconnects": succeeded,
        "settled_reconnects": settled,
        "success_rate": succeeded / settled if settled else None,
        "average_delay": (
            sum(r.delay_total for r in reconnectors) / failures if failures else 0.0
        ),
        "max_delay": max((r.delay_max for r in reconnectors), default=0.0),
        "error_distribution": {
            kind.value: sum(r.errors[kind.value] for r in reconnectors)
            for kind in WebSocketErrorType
        },
        "history": history[-KEPT:],
    }


def statistics(connections: Sequence[Connection], now: float) -> dict[str, Any]:
    """Return {"connections", "totals", "reconnect_statistics"} as plain values."""
    rows = [each.statistics() for each in connections]
    return {
        "connections": rows,
        "totals": totals(connections, rows, now),
        "reconnect_statistics": reconnect_statistics(connections),
    }
