"""HTTP edge: finds the answer of a request and writes it; hands sockets over."""

import json
import time
from collections.abc import Callable
from email.utils import formatdate
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from market.simulator import faults
from market.simulator.errors import ApiError
from market.simulator.hub import Connection
from market.simulator.limits import Limits
from market.simulator.queries import Query
from market.simulator.rest import ENDPOINTS
from market.simulator.simulation import Simulator
from market.simulator.sockets import StreamSockets, parse_path
from market.simulator.stage import Stage


class App:
    """The handler of every request of both listeners."""

    def __init__(self, simulator: Simulator, stage: Stage) -> None:
        self._simulator = simulator
        self._stage = stage
        settings = simulator.settings
        self._limits = Limits(
            weight_limit=settings.weight_limit,
            dial_limit=settings.dial_limit,
            dial_window_seconds=settings.dial_window_seconds,
            ban_seconds=settings.ban_seconds,
            now=time.time,
        )
        self.sockets = StreamSockets(settings, simulator.hub, self._limits, stage)
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
            address = self._stage.address(request)
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
        used = str(self._limits.used(self._stage.address(request)))
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
        if self._stage.link(request) is not None:
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
