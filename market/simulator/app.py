"""HTTP edge: finds the answer of a request and writes it; hands sockets over."""

import json
import time
from email.utils import formatdate
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from market.simulator.accounts.auth import account_of, check_signature, check_time
from market.simulator.accounts.endpoints import PRIVATE, OrderCounts, Private
from market.simulator.console import Console
from market.simulator.errors import ApiError
from market.simulator.limits import Limits
from market.simulator.queries import Query
from market.simulator.rest import ENDPOINTS, Endpoint
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
        self.sockets = StreamSockets(
            settings, simulator.hub, self._limits, stage, simulator.faults.opened
        )
        self._console = Console(simulator)
        self._faults = simulator.faults
        self._accounts = simulator.accounts
        self._orders = OrderCounts(time.time)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._route(request)
        except ApiError as error:
            return self._refuse(request, error)

    async def _route(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        endpoint = ENDPOINTS.get(path)
        if endpoint is not None and request.method == "GET":
            return await self._rest(request, endpoint)
        private = PRIVATE.get((request.method, path))
        if private is not None:
            return await self._private(request, private)
        if path.startswith("/sim/"):
            return await self._administer(request)
        target = parse_path(path, request.query.get("streams", ""))
        if target is not None:
            if request.headers.get("Upgrade", "").lower() != "websocket":
                raise ApiError(-1000, "Expected a WebSocket handshake.")
            wrong = await self._faults.handshake(target.route)
            return wrong or await self.sockets.accept(request, target)
        raise ApiError(
            -5000, f"Path {path}, Method {request.method} is invalid", status=404
        )

    async def _rest(
        self, request: web.Request, endpoint: Endpoint
    ) -> web.StreamResponse:
        query = await _query(request)
        fault = self._faults.request(request.path, query.symbol() or "")
        if fault is not None:
            wrong = await self._faults.wrong_answer(fault)
            if wrong is not None:
                return wrong
        address = self._stage.address(request)
        self._limits.spend(address, endpoint.weight(query))
        if endpoint.funding:
            self._limits.spend_funding(address)
        value = await endpoint.answer(self._simulator.exchange, query)
        right = self._json(request, value)
        if fault is not None:
            return await self._faults.changed(fault, request, right)
        return right

    async def _private(
        self, request: web.Request, endpoint: Private
    ) -> web.StreamResponse:
        body = (await request.read()).decode("utf-8", "replace")
        query = await _query(request)
        fault = self._faults.request(request.path, query.symbol() or "")
        if fault is not None:
            wrong = await self._faults.wrong_answer(fault)
            if wrong is not None:
                return wrong
        self._limits.spend(self._stage.address(request), endpoint.cost(query))
        account = account_of(
            self._accounts.accounts, request.headers.get("X-MBX-APIKEY")
        )
        if endpoint.signed:
            check_time(query.values, self._accounts.view.shown_ms)
            check_signature(account, request.rel_url.raw_query_string, body)
        counts = endpoint.orders
        if counts[0]:
            self._orders.spend(account.key, counts)
        answer = endpoint.act(self._accounts, account, query)
        if request.method != "GET":
            self._accounts.changed(account)
            self._accounts.save()
        right = self._json(request, answer)
        if counts[0]:
            right.headers.update(self._orders.headers(account.key))
        if fault is not None:
            return await self._faults.changed(fault, request, right)
        return right

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
        except ValueError as error:
            raise ApiError(-1100, f"no JSON: {error}") from error
        result = self._console.answer(request.method, request.path, wanted)
        return self._json(request, result)


async def _query(request: web.Request) -> Query:
    body = (await request.read()).decode("utf-8", "replace")
    return Query({**dict(parse_qsl(body)), **request.query})
