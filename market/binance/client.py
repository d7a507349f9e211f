"""The exchange client: many streams over few connections, each kept alive."""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from core.clock import Clock, SystemClock
from market.binance import tls
from market.binance.config import WsSettings
from market.binance.connection import Connection
from market.binance.dial import DialBucket, DialBudget, DialGate
from market.binance.events import ConnectionEvent, Report, State
from market.binance.failures import WebSocketErrorType
from market.binance.link import Deliver, Moving, Surroundings
from market.binance.plan import capacity, shard
from market.binance.rate import Rate
from market.binance.sockets import Dialer, dialer
from market.binance.streams import Route, StreamKind, route, stream_kind
from market.binance.urls import Endpoints, endpoints

OnMessage = Callable[[str, bytes], None]


class BinanceWebSocketClient:
    """Follows streams of one venue.

    ``on_message(stream, raw)`` hears every data frame; a program that wants the
    stream's kind and the time of arrival gives ``deliver`` instead. Both are called
    in the event loop and must not block. Names may be given now or subscribed later.
    """

    def __init__(
        self,
        streams: Iterable[str] = (),
        *,
        venue: str = "binance",
        on_message: OnMessage | None = None,
        config: WsSettings | None = None,
        where: Endpoints | None = None,
        deliver: Deliver | None = None,
        report: Report | None = None,
        budget: DialBudget | None = None,
        dial: Dialer | None = None,
        moving: Moving | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        config = config or WsSettings()
        clock = clock or SystemClock()
        self._config = config
        self._clock = clock
        self._where = where or endpoints(venue)
        self._streams = list(dict.fromkeys(streams))
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._counts: dict[Route, int] = {}
        self._rate = Rate(clock.monotonic())
        self._started_at: float | None = None
        self._gone_frames = 0
        self.connections: dict[str, Connection] = {}
        self.gate = DialGate(
            budget or DialBucket(config.dials_per_window, config.dial_window, clock),
            config.dial_concurrency,
        )
        secure = self._where.stream.startswith("wss:")
        self._outside = Surroundings(
            config=config,
            dial=dial or dialer(config.transport),
            gate=self.gate,
            context=tls.context(config.ca_file) if secure else None,
            clock=clock,
            rng=rng or random.Random(),
            deliver=deliver or _adapter(on_message),
            report=report or _ignore_event,
            rotation=asyncio.Lock(),
            moving=moving,
        )

    async def start_websocket(self) -> None:
        """Begin to follow the streams; returns at once, dials go on in tasks."""
        self._started_at = self._clock.monotonic()
        for where, names in shard(self._streams, self._config.streams_per_connection):
            self._open(where, names)

    async def stop_websocket(self) -> None:
        """Close every connection within the close timeout."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self.connections.clear()
        self._counts.clear()
        self._started_at = None

    def subscribe(self, names: Iterable[str]) -> None:
        """Follow more streams, on connections with room or on new ones."""
        new = [name for name in dict.fromkeys(names) if name not in self._streams]
        self._streams += new
        if self._started_at is None:
            return
        homeless: list[str] = []
        homes: dict[str, list[str]] = {}
        for name in new:
            home = self._room_for(name, homes)
            if home is None:
                homeless.append(name)
            else:
                homes.setdefault(home.id, []).append(name)
        for home_id, group in homes.items():
            self.connections[home_id].add(group)
        for where, group in shard(homeless, self._config.streams_per_connection):
            self._open(where, group)

    def unsubscribe(self, names: Iterable[str]) -> None:
        """Follow these streams no longer; a connection left empty is closed."""
        gone = set(names)
        self._streams = [name for name in self._streams if name not in gone]
        for connection in list(self.connections.values()):
            connection.remove(gone)
            if not connection.session.streams:
                self._drop(connection)

    def reconnect(self, connection_id: str) -> None:
        """Replace one connection now; raises ``KeyError`` when there is none."""
        self.connections[connection_id].reconnect()

    def pause_reading(self) -> None:
        """Stop reading everywhere: the consumer is behind."""
        for connection in self.connections.values():
            connection.pause()

    def resume_reading(self) -> None:
        """Read again."""
        for connection in self.connections.values():
            connection.resume()

    def get_connection_stats(self) -> dict[str, Any]:
        """Return {"connections", "totals", "reconnect_statistics"} as plain values."""
        rows = [connection.statistics() for connection in self.connections.values()]
        return {
            "connections": rows,
            "totals": self._totals(rows),
            "reconnect_statistics": self._reconnect_statistics(),
        }

    # -- inside -----------------------------------------------------------------

    def _open(self, where: Route, names: list[str]) -> None:
        number = self._counts[where] = self._counts.get(where, 0) + 1
        connection = Connection(
            f"{where.value}-{number}",
            where,
            self._where.stream_url(where),
            names,
            self._outside,
        )
        self.connections[connection.id] = connection
        self._tasks[connection.id] = asyncio.create_task(
            connection.run(), name=connection.id
        )

    def _drop(self, connection: Connection) -> None:
        self._gone_frames += connection.frames
        self._tasks.pop(connection.id).cancel()
        del self.connections[connection.id]

    def _room_for(
        self, name: str, coming: Mapping[str, list[str]]
    ) -> Connection | None:
        """Return a connection with room beside the streams that are coming to it."""
        where = route(stream_kind(name))
        limit = capacity(name, self._config.streams_per_connection)
        for connection in self.connections.values():
            carried = len(connection.session.streams)
            carried += len(coming.get(connection.id, ()))
            if connection.route is where and carried < limit:
                return connection
        return None

    def _totals(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        now = self._clock.monotonic()
        frames = self._gone_frames + sum(row["messages"] for row in rows)
        live_klines = sum(
            status.kind is StreamKind.KLINE and status.live(now)
            for connection in self.connections.values()
            for status in connection.session.streams.values()
        )
        return {
            "connections": len(rows),
            "connections_live": sum(
                c.state in (State.LIVE, State.DEGRADED)
                for c in self.connections.values()
            ),
            "streams_expected": sum(row["streams_expected"] for row in rows),
            "streams_live": sum(row["streams_live"] for row in rows),
            "streams_silent": sum(row["streams_silent"] for row in rows),
            "kline_streams_live": live_klines,
            "messages": frames,
            "bytes": sum(row["bytes"] for row in rows),
            "messages_per_second": self._rate.of(frames, now),
            "dials": self.gate.dials,
            "dials_waiting": self.gate.waiting,
            "uptime_seconds": (
                None if self._started_at is None else now - self._started_at
            ),
        }

    def _reconnect_statistics(self) -> dict[str, Any]:
        reconnectors = [c.reconnector for c in self.connections.values()]
        total = sum(r.total for r in reconnectors)
        failures = sum(sum(r.errors.values()) for r in reconnectors)
        succeeded = sum(r.succeeded for r in reconnectors)
        settled = sum(r.settled for r in reconnectors)
        history = sorted(
            (
                {**record.as_dict(), "connection": connection.id}
                for connection in self.connections.values()
                for record in connection.reconnector.history
            ),
            key=lambda record: record["at"],
        )
        return {
            "total_reconnects": total,
            "successful_reconnects": succeeded,
            "success_rate": succeeded / settled if settled else None,
            "average_delay": (
                sum(r.delay_total for r in reconnectors) / failures if failures else 0.0
            ),
            "max_delay": max((r.delay_max for r in reconnectors), default=0.0),
            "error_distribution": {
                kind.value: sum(r.errors[kind.value] for r in reconnectors)
                for kind in WebSocketErrorType
            },
            "history": history[-10:],
        }


def _ignore_event(event: ConnectionEvent) -> None:
    """Events are logged by the connection already; nobody else asked for them."""


def _adapter(on_message: OnMessage | None) -> Deliver:
    def deliver(name: bytes, kind: StreamKind, raw: bytes, received_ms: int) -> None:
        if on_message is not None and name:
            on_message(name.decode(), raw)

    return deliver
