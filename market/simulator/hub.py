"""Who listens to what: connections, their subscriptions, and one encoding per frame."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from market.simulator.frames import text_frame
from market.simulator.streams import Kind, Route, StreamName, parse_stream

ALL_SYMBOLS: Final = -1

# Starts the closing handshake with a code and a reason.
Close = Callable[[int, str], None]


class Output(Protocol):
    """Takes the bytes of a connection in place of its transport."""

    pending: int

    def write(self, data: bytes) -> None: ...


class Connection:
    """One open socket. ``route`` None is a legacy path, which carries the public class.

    Frames are collected during a tick and written at once by :meth:`flush`.
    """

    def __init__(
        self,
        number: int,
        route: Route | None,
        transport: asyncio.Transport,
        *,
        combined: bool,
        opened_at: float,
        close: Close | None = None,
    ) -> None:
        self._close = close
        self.ending = False
        self.number = number
        self.route = route
        self.transport = transport
        # The TCP connection itself; under TLS another one than ``transport``.
        self.raw = transport
        # Set while something is wrong with the way to the client.
        self.path: Output | None = None
        self.answers_pings = True
        self.sends_pings = True
        self.combined = combined
        self.opened_at = opened_at
        self.names: dict[str, None] = {}
        # Kinds of user events that are wanted, None: all.
        self.events: frozenset[str] | None = None
        self.pinged_at: float | None = None
        self.pings_sent = 0
        self._waiting: list[bytes] = []

    @property
    def carries(self) -> Route:
        return self.route or Route.PUBLIC

    def queue(self, frame: bytes) -> None:
        self._waiting.append(frame)

    def send_now(self, frame: bytes) -> None:
        if not self.ending and not self.transport.is_closing():
            (self.path or self.transport).write(frame)

    def break_off(self, frame: bytes) -> None:
        """Send what waits and half of the frame, then end without a close frame."""
        self.queue(frame[: len(frame) // 2])
        waiting, self._waiting = self._waiting, []
        if not self.ending and not self.transport.is_closing():
            self.ending = True
            (self.path or self.transport).write(b"".join(waiting))
            self.transport.close()

    def end(self, code: int, reason: str) -> None:
        """Say goodbye; nothing is written after the close frame."""
        if self.ending:
            return
        self.ending = True
        if self._close is not None:
            self._close(code, reason)

    def flush(self, buffer_limit: int) -> bool:
        """Write what waits. False when the reader was too slow and was dropped."""
        if not self._waiting:
            return True
        waiting, self._waiting = self._waiting, []
        if self.ending or self.transport.is_closing():
            return True
        pending = self.transport.get_write_buffer_size()
        if self.path is not None:
            pending += self.path.pending
        if pending > buffer_limit:
            self.transport.abort()
            return False
        (self.path or self.transport).write(b"".join(waiting))
        return True


class Topic:
    """One stream that somebody listens to. ``state`` belongs to its emitter."""

    def __init__(self, name: StreamName, rank: int) -> None:
        self.name = name
        self.rank = rank
        self.raw: dict[int, Connection] = {}
        self.combined: dict[int, Connection] = {}
        self.state: object = None
        self._prefix = f'{{"stream":"{name.text}","data":'.encode()

    @property
    def empty(self) -> bool:
        return not self.raw and not self.combined

    def listeners(self) -> list[Connection]:
        return [*self.raw.values(), *self.combined.values()]

    def frame(self, payload: str, *, combined: bool) -> bytes:
        encoded = payload.encode()
        return text_frame(self._prefix + encoded + b"}" if combined else encoded)

    def publish(self, payload: str) -> int:
        """Queue the payload to all listeners; how many there were."""
        encoded = payload.encode()
        if self.raw:
            frame = text_frame(encoded)
            for connection in self.raw.values():
                connection.queue(frame)
        if self.combined:
            frame = text_frame(self._prefix + encoded + b"}")
            for connection in self.combined.values():
                connection.queue(frame)
        return len(self.raw) + len(self.combined)


class Tap(Protocol):
    """Stands between the exchange and the listeners while faults are armed."""

    def attaches(self, connection: Connection, stream: str) -> bool: ...

    def route(self, connection: Connection, topic: Topic) -> Route: ...

    def publish(self, topic: Topic, payload: str) -> int: ...


class Hub:
    """The subscriptions of all connections.

    ``version`` changes with every change of the set of topics, so that emitters know when
    to look again.
    """

    def __init__(self, ranks: dict[str, int], *, buffer_limit: int) -> None:
        self._ranks = ranks
        self._buffer_limit = buffer_limit
        self._topics: dict[str, Topic] = {}
        self._muted: set[str] = set()
        self.tap: Tap | None = None
        self.connections: dict[int, Connection] = {}
        self.version = 0
        self.frames_sent = 0
        self.slow_dropped = 0
        self.opened = 0

    def open(
        self,
        route: Route | None,
        transport: asyncio.Transport,
        *,
        combined: bool,
        opened_at: float,
        close: Close | None = None,
    ) -> Connection:
        self.opened += 1
        connection = Connection(
            self.opened,
            route,
            transport,
            combined=combined,
            opened_at=opened_at,
            close=close,
        )
        self.connections[connection.number] = connection
        return connection

    def close(self, connection: Connection) -> None:
        self.connections.pop(connection.number, None)
        self.unsubscribe(connection, list(connection.names))

    def subscribe(self, connection: Connection, names: Iterable[str]) -> None:
        """Every name is listed; only those of the connection's class will carry data."""
        for text in names:
            if text not in connection.names:
                connection.names[text] = None
                self._attach(connection, text)

    def unsubscribe(self, connection: Connection, names: Iterable[str]) -> None:
        for text in names:
            if text in connection.names:
                del connection.names[text]
                self._detach(connection, text)

    def set_combined(self, connection: Connection, *, combined: bool) -> None:
        names = list(connection.names)
        self.unsubscribe(connection, names)
        connection.combined = combined
        self.subscribe(connection, names)

    def topics(self, kind: Kind) -> list[Topic]:
        """The topics of a kind that may be published now."""
        return [
            topic
            for topic in self._topics.values()
            if topic.name.kind is kind and topic.name.text not in self._muted
        ]

    def mute(self, stream: str) -> None:
        """Fault: say nothing more on this stream, connections stay open."""
        self._muted.add(stream)
        self.version += 1

    def unmute(self, stream: str) -> None:
        self._muted.discard(stream)
        self.version += 1

    def publish(self, topic: Topic, payload: str) -> None:
        if self.tap is None:
            self.frames_sent += topic.publish(payload)
        else:
            self.frames_sent += self.tap.publish(topic, payload)

    def flush(self) -> None:
        for connection in self.connections.values():
            if not connection.flush(self._buffer_limit):
                self.slow_dropped += 1

    def _attach(self, connection: Connection, text: str) -> None:
        topic = self._topics.get(text) or self._new_topic(text)
        if topic is None or self._route(connection, topic) is not connection.carries:
            return
        if self.tap is not None and not self.tap.attaches(connection, text):
            return
        if text not in self._topics:
            self._topics[text] = topic
            self.version += 1
        listeners = topic.combined if connection.combined else topic.raw
        listeners[connection.number] = connection

    def _route(self, connection: Connection, topic: Topic) -> Route:
        return (
            topic.name.route if self.tap is None else self.tap.route(connection, topic)
        )

    def _new_topic(self, text: str) -> Topic | None:
        name = parse_stream(text)
        if name is None:
            return None
        rank = self._ranks.get(name.symbol, None) if name.symbol else ALL_SYMBOLS
        return None if rank is None else Topic(name, rank)

    def _detach(self, connection: Connection, text: str) -> None:
        topic = self._topics.get(text)
        if topic is None:
            return
        topic.raw.pop(connection.number, None)
        topic.combined.pop(connection.number, None)
        if topic.empty:
            del self._topics[text]
            self.version += 1
