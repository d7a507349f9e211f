"""Stream sockets: handshake paths, control messages, pings, limits of a connection."""

import asyncio
import functools
import logging
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from market.simulator.config import SimulatorSettings
from market.simulator.control import answer
from market.simulator.errors import ApiError
from market.simulator.frames import ping_frame, pong_frame, text_frame
from market.simulator.hub import Connection, Hub
from market.simulator.limits import Limits
from market.simulator.stage import Stage
from market.simulator.streams import Route

logger = logging.getLogger(__name__)

_MAX_CLIENT_MESSAGE = 64 * 1024
_CLOSE_TIMEOUT = 1.0
_LISTEN_KEY = re.compile("[A-Za-z0-9]{64}")


@dataclass(frozen=True)
class SocketPath:
    """What a URL path asks for. ``route`` None is a legacy path."""

    route: Route | None
    combined: bool
    streams: tuple[str, ...]


def listen_keys(request: web.Request, *, strict: bool) -> tuple[str, ...]:
    """Listen keys of a socket's URL: ``listenKey=`` or a part of the path.

    ``strict``: only ``listenKey=`` beside ``events=``, as the live exchange was seen.
    """
    named = [one for one in request.query.getall("listenKey", []) if one]
    if strict:
        return tuple(dict.fromkeys(named)) if request.query.get("events") else ()
    parts = request.path.split("/")
    return tuple(dict.fromkeys([*named, *filter(_LISTEN_KEY.fullmatch, parts)]))


def parse_path(path: str, streams: str) -> SocketPath | None:
    """The socket of a path with its ``streams=`` parameter; None when there is none."""
    parts = [part for part in path.split("/") if part]
    route = None
    if parts and parts[0] in tuple(Route):
        route = Route(parts.pop(0))
    if not parts:
        # The bare route is accepted as a raw socket.
        return SocketPath(route, combined=False, streams=()) if route else None
    if parts[0] not in ("ws", "stream"):
        return None
    names = [part for part in parts[1:] if "@" in part or part.startswith("!")]
    names += [name for name in streams.split("/") if name]
    return SocketPath(route, parts[0] == "stream", tuple(dict.fromkeys(names)))


class StreamSockets:
    """Accepts sockets, reads their messages, keeps their clocks.

    ``opened`` is called when one is about to be served.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        hub: Hub,
        limits: Limits,
        stage: Stage,
        opened: Callable[[], None],
    ) -> None:
        self._opened = opened
        self._settings = settings
        self._hub = hub
        self._limits = limits
        self._stage = stage
        self._closing: set[asyncio.Task[bool]] = set()

    async def accept(
        self, request: web.Request, path: SocketPath
    ) -> web.StreamResponse:
        self._limits.dial(self._stage.address(request))
        settings = self._settings
        if len(path.streams) > settings.stream_limit:
            raise ApiError(-1130, "Too many streams.")
        socket = web.WebSocketResponse(
            autoping=False,
            autoclose=True,
            compress=settings.deflate,
            max_msg_size=_MAX_CLIENT_MESSAGE,
            timeout=_CLOSE_TIMEOUT,
        )
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        transport.set_write_buffer_limits(high=settings.write_buffer_bytes)
        connection = self._hub.open(
            path.route,
            transport,
            combined=path.combined,
            opened_at=time.monotonic(),
            close=functools.partial(self._close, socket),
        )
        link = self._stage.link(request)
        connection.raw = link.outer if link else transport
        self._hub.subscribe(connection, path.streams)
        strict = self._settings.strict_private
        self._hub.subscribe(connection, listen_keys(request, strict=strict))
        if wanted := request.query.get("events"):
            connection.events = frozenset(re.split("[/,]", wanted))
        self._opened()
        try:
            await self._read(socket, connection)
        finally:
            self._hub.close(connection)
        return socket

    async def finish(self) -> None:
        """End all connections and wait for their goodbyes, at most a second."""
        for connection in list(self._hub.connections.values()):
            connection.end(1001, "going away")
        if self._closing:
            await asyncio.wait(self._closing, timeout=_CLOSE_TIMEOUT)

    async def keep_time(self) -> None:
        """Pings, missing pongs and the end of life of all connections."""
        settings = self._settings
        step = min(1.0, settings.ping_interval_seconds / 4, settings.life_seconds / 4)
        while True:
            await asyncio.sleep(step)
            now = time.monotonic()
            for connection in list(self._hub.connections.values()):
                self._check(connection, now)

    def _close(self, socket: web.WebSocketResponse, code: int, reason: str) -> None:
        """The closing handshake runs beside the reader of the same socket."""
        task = asyncio.create_task(socket.close(code=code, message=reason.encode()))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _check(self, connection: Connection, now: float) -> None:
        settings = self._settings
        age = now - connection.opened_at
        if age >= settings.life_seconds:
            connection.end(1001, "going away")
        elif (
            connection.pinged_at is not None
            and now - connection.pinged_at >= settings.pong_timeout_seconds
        ):
            connection.end(1008, "Pong timeout")
        elif (
            connection.sends_pings
            and age >= (connection.pings_sent + 1) * settings.ping_interval_seconds
        ):
            connection.pings_sent += 1
            connection.pinged_at = connection.pinged_at or now
            connection.send_now(ping_frame(str(int(time.time() * 1000)).encode()))

    async def _read(
        self, socket: web.WebSocketResponse, connection: Connection
    ) -> None:
        arrivals: deque[float] = deque(maxlen=self._settings.message_limit + 1)
        async for message in socket:
            now = time.monotonic()
            arrivals.append(now)
            if len(arrivals) == arrivals.maxlen and now - arrivals[0] < 1.0:
                connection.end(1008, "Too many requests")
            if message.type is WSMsgType.PING:
                if connection.answers_pings:
                    connection.send_now(pong_frame(message.data))
            elif message.type is WSMsgType.PONG:
                connection.pinged_at = None
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._answer(connection, message.data)
            else:
                return

    def _answer(self, connection: Connection, data: str | bytes) -> None:
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        reply = answer(
            self._hub, connection, text, stream_limit=self._settings.stream_limit
        )
        connection.send_now(text_frame(reply.encode()))
