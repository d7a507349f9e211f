"""A small server of private paths that checks signatures and gives prepared answers."""

import asyncio
import contextlib
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from core.clock import SystemClock
from market.binance.config import WsSettings
from market.binance.dial import DialBucket, DialGate
from market.binance.rest import BinanceRestClient
from market.binance.signed import SignedCaller
from market.binance.signing import HmacSigner
from market.binance.urls import Endpoints
from market.binance.user_stream import KeyCare, PrivateHall

KEY, SECRET = "the-key-of-a-test", "the-secret-of-a-test"


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str] = field(repr=False)


class Lost(Exception):
    """Instead of an answer the connection ends."""


def order(client_id="c-1", **more):
    """The body of an order as a server of 2026 tells it after POST."""
    return {
        "symbol": "BTCUSDT", "orderId": 71, "clientOrderId": client_id, "status": "NEW",
        "side": "BUY", "positionSide": "BOTH", "type": "LIMIT", "origType": "LIMIT",
        "timeInForce": "GTC", "origQty": "1", "executedQty": "0", "cumQty": "0",
        "price": "100", "stopPrice": "0", "reduceOnly": False, "closePosition": False,
        "updateTime": 1_790_000_000_123, "workingType": "CONTRACT_PRICE",
        "priceProtect": False, "priceMatch": "NONE", "goodTillDate": 0,
        "selfTradePreventionMode": "NONE",
    } | more  # fmt: skip


def refusal(code, message="because", status=400):
    return status, {"code": code, "msg": message}


class Desk:
    """Answers by (method, path); a list is used up, its last answer stays."""

    def __init__(self):
        self.ahead_ms = 0
        self.asked = []
        self.answers = {}
        self.headers = {}
        self.url = ""
        self.key = ""
        self.keys = 0
        self.sockets = []
        self.dials = []

    def on(self, what, *answers):
        """``what`` is "METHOD /path"; answers are bodies, (status, body) or callables."""
        self.answers[what] = list(answers)

    def of(self, what):
        """Return what was asked so."""
        return [one for one in self.asked if f"{one.method} {one.path}" == what]

    # -- the private stream ---------------------------------------------------------

    def new_key(self):
        """The account's key from now on; sockets of another one are mute."""
        self.keys += 1
        self.key = f"{self.keys}".rjust(64, "k")
        return self.key

    def listen_key(self, request):
        """POST returns the living key, PUT refuses without one, DELETE ends it."""
        if request.method == "POST":
            return 200, {"listenKey": self.key or self.new_key()}
        if not self.key:
            return refusal(-1125, "This listenKey does not exist.")
        if request.method == "DELETE":
            self.key = ""
            return 200, {}
        return 200, {"listenKey": self.key}

    async def push(self, *events):
        """Tell everybody who listens with the living key."""
        for key, socket in list(self.sockets):
            if key == self.key and not socket.closed:
                for event in events:
                    await socket.send_str(json.dumps(event))

    async def socket(self, request):
        self.dials.append(dict(request.query))
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        held = (request.query.get("listenKey"), socket)
        self.sockets.append(held)
        async for _ in socket:
            pass
        self.sockets.remove(held)
        return socket

    async def handle(self, request):
        if request.path.startswith("/private/"):
            return await self.socket(request)
        raw = await request.text()
        query = request.rel_url.raw_query_string
        params = dict(parse_qsl(query, True) + parse_qsl(raw, True))
        self.asked.append(
            Asked(request.method, request.path, params, dict(request.headers))
        )
        if request.path == "/fapi/v1/time":
            loop = asyncio.get_running_loop()
            return web.json_response(
                {
                    "serverTime": 1_790_000_000_000
                    + self.ahead_ms
                    + int(loop.time() * 1000)
                }
            )
        status, body = 200, {}
        if "signature" in params and not self._signed(query + raw):
            status, body = refusal(-1022, "Signature for this request is not valid.")
        else:
            try:
                status, body = await self._answer(request, params)
            except Lost:
                request.transport.abort()
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(
            status=status,
            text=text,
            content_type="application/json",
            headers=self.headers,
        )

    async def _answer(self, request, params):
        what = f"{request.method} {request.path}"
        if what not in self.answers and request.path == "/fapi/v1/listenKey":
            return self.listen_key(request)
        waiting = self.answers.get(what, [{}])
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if callable(answer):
            answer = answer(params)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer is Lost:
            raise Lost
        return answer if isinstance(answer, tuple) else (200, answer)

    @staticmethod
    def _signed(text):
        whole, _, told = text.rpartition("&signature=")
        right = hmac.new(SECRET.encode(), whole.encode(), hashlib.sha256)
        return hmac.compare_digest(right.hexdigest(), told)


@contextlib.asynccontextmanager
async def open_desk():
    desk = Desk()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", desk.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    desk.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    try:
        yield desk
    finally:
        for _, socket in list(desk.sockets):
            await socket.close()
        await runner.cleanup()


def filled(client_id="c-1", *, at=1_790_000_001_000, trade_id=5, order_id=71, **more):
    """ORDER_TRADE_UPDATE of one execution that fills an order."""
    o = {
        "s": "BTCUSDT", "c": client_id, "S": "BUY", "o": "MARKET", "f": "GTC",
        "q": "0.020", "p": "0", "ap": "100.5", "sp": "0", "x": "TRADE", "X": "FILLED",
        "i": order_id, "l": "0.02", "z": "0.020", "L": "100.50", "n": "0.001",
        "N": "USDT", "T": at, "t": trade_id, "b": "0", "a": "0", "m": False,
        "R": False, "wt": "CONTRACT_PRICE", "ot": "MARKET", "ps": "BOTH", "cp": False,
        "rp": "1.5", "pP": False, "si": 0, "ss": 0, "V": "NONE", "pm": "NONE",
        "gtd": 0, "er": "0",
    } | more  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": at, "T": at, "o": o}


@contextlib.asynccontextmanager
async def caller_of(desk, **options):
    """(the shared client, a caller with the desk's key)."""
    rest = BinanceRestClient(Endpoints(desk.url, ""))
    try:
        await rest.initialize()
        yield SignedCaller(rest, api_key=KEY, signer=HmacSigner(SECRET), **options)
    finally:
        await rest.aclose()


def hall_of(desk, *, quiet=60.0, renew=1800.0, clock=None, **settings):
    """What private streams to the desk share; it is dialled without TLS."""
    clock = clock or SystemClock()
    chosen = {
        "reconnect_initial_delay": 0.02, "reconnect_max_delay": 0.1,
        "reconnect_jitter": 0, "close_timeout": 0.2,
    } | settings  # fmt: skip
    return PrivateHall(
        where=Endpoints(desk.url, desk.url.replace("http", "ws", 1)),
        config=WsSettings(**chosen),
        gate=DialGate(DialBucket(290, 300, clock), 8),
        clock=clock,
        care=KeyCare(quiet=quiet, renew=renew),
    )
