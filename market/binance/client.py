"""The exchange client: many streams over few connections, each kept alive."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from core.clock import Clock, SystemClock
from market.binance import tls
from market.binance.config import WsSettings
from market.binance.connection import Connection
from market.binance.dial import DialBucket, DialBudget, DialGate
from market.binance.events import ConnectionEvent, Report
from market.binance.lag import LoopLag
from market.binance.link import Deliver, Moving, Surroundings
from market.binance.plan import capacity, shard
from market.binance.rate import Rate
from market.binance.rerouting import Rerouter
from market.binance.sockets import Dialer, dialer
from market.binance.statistics import reconnect_statistics, row, totals
from market.binance.streams import Route, StreamKind
from market.binance.urls import Endpoints, endpoints

log = logging.getLogger(__name__)

# Named by events that concern them all.
EVERY_CONNECTION = "client"

OnMessage = Callable[[str, bytes], None]


class BinanceWebSocketClient:
    """Follows streams of one venue.

    ``on_message(stream, raw)`` hears every data frame; a program that wants the
    stream's kind and the time of arrival gives ``deliver`` instead. Both are called
    in the event loop and must not block. Names may be given now or subscribed later.
    ``name`` tells the connections of several clients apart.
    """

    def __init__(
        self,
        streams: Iterable[str] = (),
        *,
        name: str = "",
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
        self._prefix = f"{name}." if name else ""
        self._config = config
        self._clock = clock
        self._where = where or endpoints(venue)
        self._streams = list(dict.fromkeys(streams))
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._counts: dict[Route, int] = {}
        self._rate = Rate(clock.monotonic())
        self._started_at: float | None = None
        self._gone_frames = 0
        self._lag = LoopLag(self._stalled)
        self._rerouter = Rerouter(self)
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
            lag=self._lag,
            rerouter=self._rerouter,
            moving=moving,
        )

    async def start_websocket(self) -> None:
        """Begin to follow the streams; returns at once, dials go on in tasks."""
        self._started_at = self._clock.monotonic()
        for where, names in self._shards(self._streams):
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
        self._rerouter.forget(self._streams)
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
            home = self._room_for(name, self._rerouter.route(name), homes)
            if home is None:
                homeless.append(name)
            else:
                homes.setdefault(home.id, []).append(name)
        for home_id, group in homes.items():
            self.connections[home_id].add(group)
        for where, group in self._shards(homeless):
            self._open(where, group)

    def unsubscribe(self, names: Iterable[str]) -> None:
        """Follow these streams no longer; a connection left empty is closed."""
        gone = set(names)
        self._streams = [name for name in self._streams if name not in gone]
        self._rerouter.forget(gone)
        for connection in list(self.connections.values()):
            self._remove(connection, gone)

    def reconnect(self, connection_id: str) -> None:
        """Replace one connection now; raises ``KeyError`` when there is none."""
        self.connections[connection_id].reconnect()

    def pause_reading(self) -> None:
        """Stop reading everywhere: the consumer is behind."""
        self._outside.reading.paused = True
        for connection in self.connections.values():
            connection.pause()

    def resume_reading(self) -> None:
        """Read again."""
        self._outside.reading.paused = False
        for connection in self.connections.values():
            connection.resume()

    def get_connection_stats(self) -> dict[str, Any]:
        """Return {"connections", "totals", "reconnect_statistics"} as plain values."""
        connections = list(self.connections.values())
        now = self._clock.monotonic()
        rows = [row(connection, now) for connection in connections]
        found = totals(connections, rows, now)
        frames = found["messages"] = found["messages"] + self._gone_frames
        return {
            "connections": rows,
            "totals": {
                **found,
                "messages_per_second": self._rate.of(frames, now),
                "loop_lag_ms": self._lag.worst_ms(),
                "dials": self.gate.dials,
                "dials_waiting": self.gate.waiting,
                "uptime_seconds": (
                    None if self._started_at is None else now - self._started_at
                ),
            },
            "reconnect_statistics": reconnect_statistics(connections),
        }

    # -- inside -----------------------------------------------------------------

    def _stalled(self, seconds: float) -> None:
        log.warning("the event loop stood still for %.1f s", seconds)
        self.tell(
            "",
            "stalled",
            f"this process stood still for {seconds:.1f} s: that time counts as no "
            "silence of the exchange",
            EVERY_CONNECTION,
        )

    def tell(self, where: str, kind: str, reason: str, connection: str) -> None:
        """Report an event that no connection tells of itself."""
        self._outside.report(
            ConnectionEvent(
                at=self._clock.now_ms(),
                connection=connection,
                route=where,
                kind=kind,
                reason=reason,
            )
        )

    # -- streams that are tried elsewhere, see ``Fleet`` --------------------------

    def try_on(self, stream: str, where: Route) -> str:
        """See ``Fleet.try_on``."""
        found = self._room_for(stream, where, {})
        connection = found or self._open(where, [])
        connection.add([stream], on_trial=True)
        return connection.id

    def tried_since(self, stream: str, connection: str) -> float | None:
        """See ``Fleet.tried_since``."""
        found = self.connections.get(connection)
        status = found and found.session.streams.get(stream.encode())
        return status.asked_at if status else None

    def keep(self, stream: str, connection: str) -> None:
        """See ``Fleet.keep``."""
        self.connections[connection].adopt(stream)
        for other in list(self.connections.values()):
            if other.id != connection:
                self._remove(other, {stream})

    def leave(self, stream: str, connection: str) -> None:
        """See ``Fleet.leave``."""
        found = self.connections.get(connection)
        if found is not None:
            self._remove(found, {stream})

    def anything_live(self, now: float) -> bool:
        """See ``Fleet.anything_live``."""
        return any(each.session.counts(now)[1] for each in self.connections.values())

    def _open(self, where: Route, names: list[str]) -> Connection:
        number = self._counts[where] = self._counts.get(where, 0) + 1
        connection = Connection(
            f"{self._prefix}{where.value}-{number}",
            where,
            self._where.stream_url(where),
            names,
            self._outside,
        )
        self.connections[connection.id] = connection
        self._tasks[connection.id] = asyncio.create_task(
            connection.run(), name=connection.id
        )
        return connection

    def _shards(self, names: list[str]) -> list[tuple[Route, list[str]]]:
        limit = self._config.streams_per_connection
        return shard(names, limit, self._rerouter.route)

    def _remove(self, connection: Connection, names: set[str]) -> None:
        connection.remove(names)
        if not connection.session.streams:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._gone_frames += connection.frames
        connection.given_up("it has no stream to follow")
        self._tasks.pop(connection.id).cancel()
        del self.connections[connection.id]

    def _room_for(
        self, name: str, where: Route, coming: Mapping[str, list[str]]
    ) -> Connection | None:
        """Return a connection with room beside the streams that are coming to it."""
        limit = capacity(name, self._config.streams_per_connection)
        for connection in self.connections.values():
            carried = len(connection.session.streams)
            carried += len(coming.get(connection.id, ()))
            if connection.route is where and carried < limit:
                return connection
        return None


def _ignore_event(event: ConnectionEvent) -> None:
    """Events are logged by the connection already; nobody else asked for them."""


def _adapter(on_message: OnMessage | None) -> Deliver:
    def deliver(name: bytes, kind: StreamKind, raw: bytes, received_ms: int) -> None:
        if on_message is not None and name:
            on_message(name.decode(), raw)

    return deliver
