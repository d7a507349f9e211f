"""An account of a running exchange, asked with signed requests."""

import base64
import contextlib
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import pytest
from yarl import URL


class Trader:
    """Signed requests of one account, and what its user stream said."""

    def __init__(self, client, account, sign=None):
        self.client, self.account = client, account
        self.sign = sign or self._hmac
        self.heard = []

    def _hmac(self, text):
        secret = self.account.secret.encode()
        return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()

    async def ask(self, method, path, *, signed=True, key=None, **params):
        """(status, JSON, headers)."""
        given = {name: _text(value) for name, value in params.items()}
        if signed:
            given.setdefault("timestamp", str(int(time.time() * 1000)))
            text = urlencode(given)
            given["signature"] = self.sign(text)
        url = f"{self.client.simulator.plain_url}{path}?{urlencode(given)}"
        headers = {"X-MBX-APIKEY": self.account.key if key is None else key}
        exact = URL(url, encoded=True)
        async with self.client.session.request(
            method, exact, headers=headers
        ) as answer:
            return answer.status, await answer.json(), answer.headers

    async def ok(self, method, path, **params):
        status, body, _ = await self.ask(method, path, **params)
        assert status == 200, body
        return body

    async def code(self, method, path, **params):
        """The code of a refusal."""
        status, body, _ = await self.ask(method, path, **params)
        assert status >= 400, body
        return body["code"]

    async def place(self, side="BUY", quantity="0.1", symbol="BTCUSDT", **more):
        kind = "LIMIT" if "price" in more else "MARKET"
        given = {"type": kind, **({"timeInForce": "GTC"} if kind == "LIMIT" else {})}
        given["newOrderRespType"] = "RESULT"
        return await self.ok(
            "POST",
            "/fapi/v1/order",
            **{
                "symbol": symbol,
                "side": side,
                "quantity": quantity,
                **given,
                **more,
            },
        )

    async def position(self, symbol="BTCUSDT", side="BOTH"):
        rows = await self.ok("GET", "/fapi/v3/positionRisk")
        for row in rows:
            if (row["symbol"], row["positionSide"]) == (symbol, side):
                return row
        return None

    @contextlib.asynccontextmanager
    async def listening(self, path=None):
        key = (await self.ok("POST", "/fapi/v1/listenKey", signed=False))["listenKey"]
        path = path or f"/private/ws?listenKey={key}"
        async with self.client.socket(path.format(key=key)) as socket:
            yield socket

    async def hear(self, socket, until, seconds=5):
        """Events up to the first of that kind (and execution type)."""
        found = []
        while True:
            found.append(json.loads((await socket.receive(timeout=seconds)).data))
            event = found[-1].get("data", found[-1])
            what = (
                event.get("o", {}).get("x")
                if isinstance(event.get("o"), dict)
                else None
            )
            if until in (event["e"], what):
                return [one.get("data", one) for one in found]


def _text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def trader_of(client, **given):
    return Trader(client, client.simulator.accounts.open(**given))


def pem_trader(client, private, sign):
    """A trader whose account knows its public key."""
    from cryptography.hazmat.primitives import serialization

    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    account = client.simulator.accounts.open(secret=public.decode())
    return Trader(
        client, account, lambda text: base64.b64encode(sign(text.encode())).decode()
    )


@pytest.fixture
def trader(client):
    return trader_of(client)


@pytest.fixture
def side(client):
    return client.simulator.accounts
