"""What pages, REST and scripts show of connections, one by one and together."""

from collections.abc import Sequence
from typing import Any

from market.binance.connection import Connection
from market.binance.events import State
from market.binance.failures import WebSocketErrorType
from market.binance.streams import StreamKind

KEPT = 10


def row(connection: Connection, now: float) -> dict[str, Any]:
    """Return the numbers of one connection as plain values."""
    link, reconnector = connection.link, connection.reconnector
    expected, live, silent = link.session.counts(now)
    last = link.session.last_frame_at()
    return {
        "id": connection.id,
        "route": connection.route.value,
        "state": connection.state.value,
        "streams_expected": expected,
        "streams_live": live,
        "streams_silent": silent,
        "streams": link.session.names,
        "uptime_seconds": None if link.opened_at is None else now - link.opened_at,
        "reconnects": reconnector.total,
        "reconnect_count": reconnector.total,
        "rotations": connection.rotations,
        "consecutive_failures": reconnector.retries,
        "rtt_ms": link.heartbeat.rtt_ms(),
        "last_pong_time": link.heartbeat.last_pong_time,
        "messages": connection.frames,
        "bytes": connection.bytes,
        "messages_per_second": connection.messages_per_second(now),
        "last_message_age_seconds": None if last is None else now - last,
        "tls": link.tls,
        "errors": {
            kind.value: reconnector.errors[kind.value] for kind in WebSocketErrorType
        },
        "history": [record.as_dict() for record in reconnector.history],
        "failures": [record.as_dict() for record in reconnector.failures],
    }


def totals(
    connections: Sequence[Connection], rows: Sequence[dict[str, Any]], now: float
) -> dict[str, Any]:
    """Return counts over connections and their rows."""
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
    rows = [row(each, now) for each in connections]
    return {
        "connections": rows,
        "totals": totals(connections, rows, now),
        "reconnect_statistics": reconnect_statistics(connections),
    }
