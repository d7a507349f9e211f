"""REST of the exchange over one pooled session, within the budget of the address."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver

from core.clock import Clock, SystemClock
from market.binance import tls
from market.binance.rest_errors import (
    RestBanned,
    RestError,
    RestGarbled,
    RestRefused,
    RestRestricted,
    RestUnavailable,
    check_body,
    refusal,
)
from market.binance.rest_schemas import BadBody, parse_time
from market.binance.retry_after import parse_retry_after
from market.binance.timesync import ExchangeClock, Sample
from market.binance.urls import Endpoints
from market.binance.weights import (
    WEIGHT_PER_MINUTE,
    Leave,
    OwnBudget,
    Wait,
    WeightBudget,
    asked_silence,
    depth_weight,
    klines_weight,
    usable,
)

__all__ = [
    "BinanceRestClient",
    "RestBanned",
    "RestError",
    "RestGarbled",
    "RestRefused",
    "RestRestricted",
    "RestUnavailable",
]

log = logging.getLogger(__name__)

# Addresses are tried a quarter of a second apart, so one that swallows packets costs
# little; no name may keep us longer than ``sock_connect`` altogether.
TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=4, sock_read=10)
CONCURRENCY = 50
# Connections beyond the slots, for cancels.
SPARE_CONNECTIONS = 10
TIME_SAMPLES = 3
WRONG_TIME = -1021
# A hold that lasts longer is an error at once; a shorter one is waited for.
PATIENCE_SECONDS = 90.0
ASK_AGAIN_SECONDS = 10.0
# Nobody asks a location that is not served every few seconds.
RESTRICTED_SECONDS = 600.0

USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
Params = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``used`` is the exchange's own count of our weight."""

    status: int
    used: str
    body: bytes


class BinanceRestClient:
    """Market data and, for others, signed requests. ``aclose`` at the end.

    Every request is paid from ``budget`` (its own when none is given). During a ban
    nothing is sent: requests wait if it ends soon, else they raise ``RestBanned``.
    """

    def __init__(
        self,
        where: Endpoints,
        *,
        ca_file: str = "",
        clock: Clock | None = None,
        budget: WeightBudget | None = None,
        concurrency: int = CONCURRENCY,
        patience: float = PATIENCE_SECONDS,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._where = where
        self._clock = clock or SystemClock()
        self._ca_file = ca_file
        self._budget = budget or OwnBudget(self._clock)
        self._patience = patience
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(concurrency)
        self._connections = concurrency + SPARE_CONNECTIONS
        self._syncing = asyncio.Lock()
        self._restricted: tuple[float, str] | None = None
        self.exchange_clock = ExchangeClock(self._clock)
        self.weight_limit = WEIGHT_PER_MINUTE
        self.used_weight = 0

    # -- life and clock ---------------------------------------------------------

    async def initialize(self) -> None:
        """Open the session and learn the exchange's clock; raises ``RestError``."""
        await self.synchronise()
        log.info("✅ 客户端初始化完成，服务器时间已同步")

    async def aclose(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def time_offset_ms(self) -> float:
        """The exchange's clock minus ours."""
        return self.exchange_clock.offset_ms

    def server_now_ms(self) -> int:
        """Return the exchange's time, ms since the epoch."""
        return self.exchange_clock.now_ms()

    async def synchronise(self) -> None:
        """Ask for the exchange's time a few times and take the median."""
        samples: list[Sample] = []
        for _ in range(TIME_SAMPLES):
            try:
                samples.append(await self._sample())
            except RestError:
                if not samples:
                    raise
                break
        self.exchange_clock.learn(samples)

    async def _sample(self) -> Sample:
        path = "/fapi/v1/time"
        leave = await self._permission(path, 1, cancel=False)
        before = self._clock.now_ms()
        answer = await self._send("GET", path, {}, None, leave)
        after = self._clock.now_ms()
        server = parse_time(await self._understand(path, answer, leave))
        if isinstance(server, BadBody):
            raise RestGarbled(f"{path}: {server.reason}", 200)
        return Sample(before, server, after)

    async def _follow_clock(self) -> None:
        """Learn the exchange's clock again when it is time to, once for all callers."""
        if not self.exchange_clock.due():
            return
        async with self._syncing:
            if self.exchange_clock.due():
                try:
                    await self.synchronise()
                except RestError as error:
                    log.warning("the exchange's time is not known anew: %s", error)

    # -- questions --------------------------------------------------------------

    async def get_orderbook_snapshot(self, symbol: str, limit: int = 20) -> Any:
        """Return {"lastUpdateId", "E", "T", "bids", "asks"} with string prices."""
        return await self.get(
            "/fapi/v1/depth",
            weight=depth_weight(limit),
            symbol=symbol.upper(),
            limit=limit,
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
        more = {} if start is None else {"startTime": start}
        return await self.get_raw(
            "/fapi/v1/klines",
            weight=klines_weight(limit),
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
            raise RestGarbled(f"{path}: the body is not JSON: {error}", 200) from error

    async def get_raw(self, path: str, *, weight: int, **params: str | int) -> bytes:
        """Return the body of a GET; raises ``RestError``."""
        return await self.request("GET", path, weight=weight, params=lambda _: params)

    async def request(
        self,
        method: str,
        path: str,
        *,
        weight: int,
        params: Callable[[int], Params],
        headers: Mapping[str, str] | None = None,
        cancel: bool = False,
    ) -> bytes:
        """Send and return the body; raises ``RestError``.

        ``params`` is called with the exchange's time for every attempt, because the
        second one, after -1021, needs another timestamp. ``cancel`` uses the reserve.
        """
        await self._follow_clock()
        for again in (True, False):
            try:
                return await self._ask_once(
                    method, path, weight, params, headers, cancel=cancel
                )
            except RestRefused as error:
                if error.code != WRONG_TIME or not again:
                    raise
                log.warning("our timestamp was refused, asking for the time again")
                await self.synchronise()
        raise AssertionError("the second attempt returns or raises")

    async def _ask_once(
        self,
        method: str,
        path: str,
        weight: int,
        params: Callable[[int], Params],
        headers: Mapping[str, str] | None,
        *,
        cancel: bool,
    ) -> bytes:
        # Cancels wait for nobody. A slot is held while waiting for the budget, so that
        # a permission is as fresh as can be when the request goes.
        slot: AbstractAsyncContextManager[Any] = (
            nullcontext() if cancel else self._slots
        )
        async with slot:
            leave = await self._permission(path, weight, cancel=cancel)
            told = params(self.server_now_ms())
            answer = await self._send(method, path, told, headers, leave)
        return await self._understand(path, answer, leave)

    # -- one exchange of request and answer -------------------------------------

    async def _permission(self, path: str, weight: int, *, cancel: bool) -> Leave:
        """Wait for the budget; raises ``RestError`` when that would take too long."""
        self._refuse_restricted(path)
        if weight > usable(self.weight_limit, cancel=cancel):
            raise RestRefused(f"{path}: weight {weight} is more than may be spent")
        while True:
            answer = await self._budget.take(
                weight,
                now_ms=self.exchange_clock.limits_now_ms(),
                limit=self.weight_limit,
                cancel=cancel,
            )
            if isinstance(answer, Leave):
                return answer
            if answer.hold is not None and answer.seconds > self._patience:
                raise _held(path, answer)
            await asyncio.sleep(min(answer.seconds, ASK_AGAIN_SECONDS))

    async def _send(
        self,
        method: str,
        path: str,
        params: Params,
        headers: Mapping[str, str] | None,
        leave: Leave,
    ) -> Answer:
        session = self._session or self._open()
        url = self._where.rest + path
        try:
            async with session.request(
                method, url, params=params, headers=headers, allow_redirects=False
            ) as answer:
                body = await answer.read()
        except aiohttp.ClientPayloadError as error:
            raise RestGarbled(f"{path}: the body is cut short: {error}", 200) from error
        except (aiohttp.ClientConnectorError, aiohttp.ClientConnectorDNSError) as error:
            await self._settle(leave, None)  # nothing was sent
            raise RestUnavailable(f"{path}: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # Without an answer nobody knows whether it counted: it stays counted.
            text = str(error) or type(error).__name__
            raise RestUnavailable(f"{path}: {text}") from error
        if answer.status in (403, 418, 429):
            await self._fall_silent(answer, body)
        return Answer(answer.status, answer.headers.get(USED_WEIGHT, ""), body)

    async def _fall_silent(self, answer: aiohttp.ClientResponse, body: bytes) -> None:
        hold = asked_silence(
            answer.status,
            parse_retry_after(answer.headers.get("Retry-After")),
            body[:2000].decode(errors="replace"),
            exchange_now_ms=self._exchange_now_ms(answer),
        )
        if hold is not None:
            log.error("nothing is sent for %.0f s: %s", hold.seconds, hold.reason)
            await self._budget.hold(hold)

    async def _understand(self, path: str, answer: Answer, leave: Leave) -> bytes:
        """Return the body of a good answer; the budget hears of every one."""
        used = int(answer.used) if answer.used.isdecimal() else None
        if used is not None:
            self.used_weight = used
        await self._settle(leave, used)
        if answer.status != 200:
            raise self._refusal(path, answer.status, answer.body)
        check_body(path, answer.body)
        return answer.body

    async def _settle(self, leave: Leave, used: int | None) -> None:
        now_ms = self.exchange_clock.limits_now_ms()
        await self._budget.settle(leave, used, now_ms=now_ms)

    def _exchange_now_ms(self, answer: aiohttp.ClientResponse) -> int:
        """The exchange's time; before it was asked, what the answer is dated."""
        date = answer.headers.get("Date")
        if self.exchange_clock.synchronised or date is None:
            return self.exchange_clock.now_ms()
        try:
            return int(parsedate_to_datetime(date).timestamp() * 1000)
        except ValueError:
            return self.exchange_clock.now_ms()

    def _open(self) -> aiohttp.ClientSession:
        """Open the session; the authority's file may come later than we do."""
        context: ssl.SSLContext | bool = False
        if self._where.rest.startswith("https:"):
            try:
                context = tls.context(self._ca_file)
            except OSError as error:
                raise RestUnavailable(f"CA file {self._ca_file}: {error}") from error
        connector = aiohttp.TCPConnector(
            ssl=context,
            limit=self._connections,
            resolver=self._resolver,
        )
        self._session = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT)
        return self._session

    def _refusal(self, path: str, status: int, body: bytes) -> RestError:
        error = refusal(path, status, body)
        if isinstance(error, RestRestricted):
            until = self._clock.monotonic() + RESTRICTED_SECONDS
            self._restricted = (until, str(error))
        return error

    def _refuse_restricted(self, path: str) -> None:
        if self._restricted is None:
            return
        until, text = self._restricted
        if self._clock.monotonic() < until:
            raise RestRestricted(f"{path}: not asked, because {text}", 451)
        self._restricted = None


def _held(path: str, answer: Wait) -> RestError:
    assert answer.hold is not None
    text = f"{path}: nothing is sent for {answer.seconds:.0f} s: {answer.hold.reason}"
    if answer.hold.banned:
        return RestBanned(text, 418)
    return RestUnavailable(text, 429)
