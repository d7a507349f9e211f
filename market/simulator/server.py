"""The simulator as a server: REST and stream sockets over TLS and plain, on loopback.

``async with running_simulator(settings, state_dir) as simulator`` for tests and for the
command; everything it owns ends with the block.
"""

import asyncio
import contextlib
import json
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email.utils import formatdate
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from market.simulator import faults
from market.simulator.clock import SimClock
from market.simulator.config import SimulatorSettings
from market.simulator.engine import Engine
from market.simulator.errors import ApiError, SimulatorError
from market.simulator.exchange import Exchange
from market.simulator.hub import Connection, Hub
from market.simulator.limits import Limits
from market.simulator.queries import Query
from market.simulator.regimes import Shock
from market.simulator.rest import ENDPOINTS
from market.simulator.sockets import StreamSockets, parse_path
from market.simulator.tls import TlsFiles, ensure_tls

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Addresses:
    host: str
    port: int
    plain_port: int


class Simulator:
    """A running exchange. URLs carry the real ports."""

    def __init__(
        self,
        settings: SimulatorSettings,
        exchange: Exchange,
        hub: Hub,
        tls: TlsFiles,
        addresses: Addresses,
    ) -> None:
        self.settings = settings
        self.exchange = exchange
        self.hub = hub
        self.ca_path = tls.ca
        self.addresses = addresses
        host = addresses.host
        self.base_url = f"https://{host}:{addresses.port}"
        self.ws_url = f"wss://{host}:{addresses.port}"
        self.plain_url = f"http://{host}:{addresses.plain_port}"
        self.plain_ws_url = f"ws://{host}:{addresses.plain_port}"

    @property
    def connections(self) -> int:
        """Open stream sockets."""
        return len(self.hub.connections)

    def drop_connections(
        self, kind: str | int = faults.RST, *, only: int | None = None
    ) -> int:
        """Cut all connections, or the one of that number; how many were cut."""
        chosen = [
            connection
            for connection in self.hub.connections.values()
            if only is None or connection.number == only
        ]
        for connection in chosen:
            faults.cut(connection, kind)
        return len(chosen)

    def mute(self, stream: str) -> None:
        """Say nothing more on a stream while its connections stay open."""
        self.hub.mute(stream)

    def unmute(self, stream: str) -> None:
        self.hub.unmute(stream)

    def demand(self, kind: str) -> Shock:
        """CRASH or RALLY from the next simulated minute on."""
        return self.exchange.demand(kind)

    def set_shown_skew(self, milliseconds: int) -> None:
        """Move the clock that ``/time`` shows."""
        self.exchange.clock.shown_skew_ms = milliseconds


class _App:
    """HTTP edge: finds the answer of a request and writes it."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        settings = simulator.settings
        self._limits = Limits(
            weight_limit=settings.weight_limit,
            dial_limit=settings.dial_limit,
            dial_window_seconds=settings.dial_window_seconds,
            ban_seconds=settings.ban_seconds,
            now=time.time,
        )
        self.sockets = StreamSockets(settings, simulator.hub, self._limits)
        self._admin: dict[str, Callable[[dict[str, object]], object]] = {
            "/sim/cut": self._cut,
            "/sim/regime": self._regime,
            "/sim/mute": self._mute,
            "/sim/status": self._status,
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._route(request)
        except ApiError as error:
            return self._refuse(request, error)

    async def _route(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        endpoint = ENDPOINTS.get(path)
        if endpoint is not None and request.method == "GET":
            query = await _query(request)
            address = request.remote or ""
            self._limits.spend(address, endpoint.weight(query))
            if endpoint.funding:
                self._limits.spend_funding(address)
            value = await endpoint.answer(self._simulator.exchange, query)
            return self._json(request, value)
        if path in self._admin:
            return await self._administer(request)
        target = parse_path(path, request.query.get("streams", ""))
        if target is not None:
            if request.headers.get("Upgrade", "").lower() != "websocket":
                raise ApiError(-1000, "Expected a WebSocket handshake.")
            return await self.sockets.accept(request, target)
        raise ApiError(
            -5000, f"Path {path}, Method {request.method} is invalid", status=404
        )

    def _json(
        self, request: web.Request, value: object, status: int = 200
    ) -> web.Response:
        used = str(self._limits.used(request.remote or ""))
        headers = {
            "X-MBX-USED-WEIGHT": used,
            "X-MBX-USED-WEIGHT-1M": used,
            "Date": formatdate(
                self._simulator.exchange.clock.shown_ms() / 1000, usegmt=True
            ),
        }
        return web.Response(
            body=orjson.dumps(value),
            status=status,
            headers=headers,
            content_type="application/json",
        )

    def _refuse(self, request: web.Request, error: ApiError) -> web.Response:
        body = {"code": error.code, "msg": error.message}
        response = self._json(request, body, error.status)
        if error.retry_after:
            response.headers["Retry-After"] = str(error.retry_after)
        return response

    async def _administer(self, request: web.Request) -> web.Response:
        """Only on the plain port, which is never given to the product as the exchange."""
        transport = request.transport
        if transport is None or transport.get_extra_info("sslcontext") is not None:
            raise ApiError(-5000, "Only on the plain port.", status=404)
        body = await request.read()
        try:
            wanted = json.loads(body) if body else {}
            result = self._admin[request.path](wanted)
        except (ValueError, TypeError, KeyError) as error:
            raise ApiError(-1100, str(error)) from error
        return self._json(request, result)

    def _cut(self, wanted: dict[str, object]) -> object:
        kind, only = wanted.get("kind", faults.RST), wanted.get("connection")
        if not isinstance(kind, str | int) or not isinstance(only, int | None):
            raise TypeError(
                "kind must be rst, fin or a close code, connection a number"
            )
        return {"cut": self._simulator.drop_connections(kind, only=only)}

    def _regime(self, wanted: dict[str, object]) -> object:
        shock = self._simulator.demand(str(wanted.get("kind")))
        return {"kind": shock.kind, "startTime": shock.start_ms}

    def _mute(self, wanted: dict[str, object]) -> object:
        stream = str(wanted["stream"])
        if wanted.get("muted", True):
            self._simulator.mute(stream)
        else:
            self._simulator.unmute(stream)
        return {"stream": stream}

    def _status(self, _: dict[str, object]) -> object:
        hub, exchange = self._simulator.hub, self._simulator.exchange
        return {
            "regime": exchange.regime(),
            "serverTime": exchange.clock.shown_ms(),
            "frames": hub.frames_sent,
            "slowDropped": hub.slow_dropped,
            "opened": hub.opened,
            "connections": [_describe(entry) for entry in hub.connections.values()],
        }


def _describe(connection: Connection) -> dict[str, object]:
    return {
        "connection": connection.number,
        "route": connection.route or "legacy",
        "combined": connection.combined,
        "streams": len(connection.names),
    }


async def _query(request: web.Request) -> Query:
    body = (await request.read()).decode("utf-8", "replace")
    return Query({**dict(parse_qsl(body)), **request.query})


@contextlib.asynccontextmanager
async def running_simulator(
    settings: SimulatorSettings, state_dir: Path
) -> AsyncIterator[Simulator]:
    """Serve until the block ends. Raises SimulatorError when it cannot listen."""
    clock = SimClock(
        speed=settings.speed, skew_ms=settings.skew_ms, file=state_dir / "clock.json"
    )
    exchange = Exchange(settings, clock, state_dir)
    ranks = {symbol.name: symbol.rank for symbol in exchange.symbols}
    hub = Hub(ranks, buffer_limit=settings.write_buffer_bytes)
    tls = ensure_tls(state_dir / "tls")
    with contextlib.ExitStack() as listeners:
        secure = listeners.enter_context(_listener(settings.host, settings.port))
        plain = listeners.enter_context(_listener(settings.host, settings.plain_port))
        addresses = Addresses(
            settings.host, secure.getsockname()[1], plain.getsockname()[1]
        )
        simulator = Simulator(settings, exchange, hub, tls, addresses)
        app = _App(simulator)
        sites = ((secure, tls.server_context()), (plain, None))
        async with _serving(app, sites):
            tasks = [
                asyncio.create_task(Engine(exchange, hub).run(), name="engine"),
                asyncio.create_task(app.sockets.keep_time(), name="keep-time"),
            ]
            try:
                yield simulator
            finally:
                await _end(tasks, app.sockets)


@contextlib.asynccontextmanager
async def _serving(
    app: _App, sites: tuple[tuple[socket.socket, ssl.SSLContext | None], ...]
) -> AsyncIterator[None]:
    server = web.Application(client_max_size=64 * 1024)
    server.router.add_route("*", "/{path:.*}", app.handle)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        for listener, context in sites:
            await web.SockSite(runner, listener, ssl_context=context).start()
        yield
    finally:
        await runner.cleanup()


async def _end(tasks: list[asyncio.Task[None]], sockets: StreamSockets) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await sockets.finish()


def _listener(host: str, port: int) -> socket.socket:
    """A bound socket; raises SimulatorError for a foreign host or a used port."""
    address = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SimulatorError(f"the simulator listens on loopback only, not on {host}")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise SimulatorError(f"cannot listen on {host}:{port}: {error}") from error
    return listener
