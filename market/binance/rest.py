"""REST market data of the exchange over one pooled session.

RestError
├── RestUnavailable   network, time-out, 5xx, 429: may succeed later
├── RestBanned        418: stop everything until ``until``
└── RestRefused       the request itself is wrong, or 403/451
"""

import asyncio
import json
import logging
import ssl
from typing import Any

import aiohttp
import msgspec

from core.clock import Clock, SystemClock
from market.binance import tls
from market.binance.retry_after import parse_retry_after
from market.binance.urls import Endpoints

log = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
WEIGHT_PER_MINUTE = 2400
# Kept free for cancels and for other programs on this address.
RESERVE = 0.2


class RestError(Exception):
    """Base of REST failures; ``status`` is 0 when there was no answer."""

    def __init__(self, message: str, status: int = 0, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class RestUnavailable(RestError):
    """May succeed later."""


class RestBanned(RestError):
    """The exchange banned this address for a while."""


class RestRefused(RestError):
    """The same request will be refused again."""


class BinanceRestClient:
    """Public market data. ``initialize`` first, ``aclose`` at the end.

    Follows the exchange's own count of our weight (``X-MBX-USED-WEIGHT-1M``) and
    keeps a reserve; 429 and 418 hold back every further request until they end.
    """

    def __init__(
        self, where: Endpoints, *, ca_file: str = "", clock: Clock | None = None
    ) -> None:
        self._where = where
        self._clock = clock or SystemClock()
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None
        self._held_until = 0.0
        self._minute = -1
        self.weight_limit = WEIGHT_PER_MINUTE
        self.used_weight = 0
        self.time_offset_ms = 0.0

    async def initialize(self) -> None:
        """Open the session and learn the exchange's clock (midpoint of one call)."""
        before = self._clock.now_ms()
        answer = await self.get("/fapi/v1/time", weight=1)
        after = self._clock.now_ms()
        self.time_offset_ms = int(answer["serverTime"]) - (before + after) / 2
        log.info("✅ 客户端初始化完成，服务器时间已同步")

    async def aclose(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def server_now_ms(self) -> int:
        """Return the exchange's time, ms since the epoch."""
        return int(self._clock.now_ms() + self.time_offset_ms)

    async def get_orderbook_snapshot(self, symbol: str, limit: int = 20) -> Any:
        """Return {"lastUpdateId", "E", "T", "bids", "asks"} with string prices."""
        weight = 2 if limit <= 50 else 5 if limit <= 100 else 10 if limit <= 500 else 20
        return await self.get(
            "/fapi/v1/depth", weight=weight, symbol=symbol.upper(), limit=limit
        )

    async def get_agg_trades(
        self, symbol: str, limit: int = 500, from_id: int | None = None
    ) -> Any:
        """Return aggregated trades, oldest first, from ``from_id`` when given."""
        more = {} if from_id is None else {"fromId": from_id}
        return await self.get(
            "/fapi/v1/aggTrades", weight=20, symbol=symbol.upper(), limit=limit, **more
        )

    async def klines(
        self, symbol: str, interval: str, *, limit: int = 500, start: int | None = None
    ) -> bytes:
        """Return the raw body of kline rows, oldest first, from ``start`` (ms)."""
        weight = 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1000 else 10
        more = {} if start is None else {"startTime": start}
        return await self.get_raw(
            "/fapi/v1/klines",
            weight=weight,
            symbol=symbol,
            interval=interval,
            limit=limit,
            **more,
        )

    async def get(self, path: str, *, weight: int, **params: str | int) -> Any:
        """Return the decoded body; see ``get_raw``."""
        raw = await self.get_raw(path, weight=weight, **params)
        try:
            return msgspec.json.decode(raw)
        except msgspec.MsgspecError as error:
            raise RestUnavailable(f"{path}: the body is not JSON: {error}") from error

    async def get_raw(self, path: str, *, weight: int, **params: str | int) -> bytes:
        """Return the body of a GET; raises the errors above."""
        await self._wait_for_budget(weight)
        session = self._session or self._open()
        self.used_weight += weight
        try:
            async with session.get(self._where.rest + path, params=params) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            text = str(error) or type(error).__name__
            raise RestUnavailable(f"{path}: {text}") from error
        self._follow(answer.headers.get("X-MBX-USED-WEIGHT-1M"))
        if answer.status != 200:
            self._refuse(path, answer.status, answer.headers.get("Retry-After"), body)
        return body

    def _open(self) -> aiohttp.ClientSession:
        """Open the session; the authority's file may come later than we do."""
        context: ssl.SSLContext | bool = False
        if self._where.rest.startswith("https:"):
            try:
                context = tls.context(self._ca_file)
            except OSError as error:
                raise RestUnavailable(f"CA file {self._ca_file}: {error}") from error
        connector = aiohttp.TCPConnector(ssl=context, limit=50)
        self._session = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT)
        return self._session

    async def _wait_for_budget(self, weight: int) -> None:
        """Sleep until the exchange would still take a request of this weight."""
        while True:
            now = self._clock.now_ms() / 1000
            minute = int(now // 60)
            if minute != self._minute:
                self._minute = minute
                self.used_weight = 0
            usable = self.weight_limit * (1 - RESERVE)
            if now < self._held_until:
                await asyncio.sleep(self._held_until - now)
            elif self.used_weight + weight > usable:
                await asyncio.sleep((minute + 1) * 60 - now + 0.05)
            else:
                return

    def _follow(self, used: str | None) -> None:
        if used is not None and used.isdigit():
            self.used_weight = int(used)

    def _refuse(
        self, path: str, status: int, retry_after: str | None, body: bytes
    ) -> None:
        code, message = _error_of(body)
        text = f"{path}: HTTP {status} {message}"
        wait = parse_retry_after(retry_after)
        if status in (418, 429):
            self._held_until = self._clock.now_ms() / 1000 + (wait or 60.0)
            kind = RestBanned if status == 418 else RestUnavailable
            raise kind(text, status, code)
        if status >= 500 or status == 408:
            raise RestUnavailable(text, status, code)
        raise RestRefused(text, status, code)


def _error_of(body: bytes) -> tuple[int | None, str]:
    """Return code and message; firewalls answer HTML instead of JSON."""
    try:
        document = json.loads(body)
        return int(document["code"]), str(document["msg"])
    except (ValueError, KeyError, TypeError):
        return None, body[:200].decode(errors="replace")
