"""REST of the exchange over one pooled session, within the budget of the address."""

import asyncio
import logging
import ssl
from contextlib import AbstractAsyncContextManager, nullcontext
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver

from core.cancellation import checkpoint
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
    without_query,
)
from market.binance.rest_question import (
    NOTHING_LEFT,
    TIMEOUT,
    USED_WEIGHT,
    Answer,
    Params,
    Question,
    addressed,
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
    "Question",
    "RestBanned",
    "RestError",
    "RestGarbled",
    "RestRefused",
    "RestRestricted",
    "RestUnavailable",
]

log = logging.getLogger(__name__)

CONCURRENCY = 50
# Connections beyond the slots, for cancels.
SPARE_CONNECTIONS = 10
TIME_SAMPLES = 3
# Of the front door, and of the matching engine behind it (-4188: COIN-M).
WRONG_TIME = frozenset({-1021, -5028, -4188})
# A hold that lasts longer is an error at once; a shorter one is waited for.
PATIENCE_SECONDS = 90.0
ASK_AGAIN_SECONDS = 10.0
# Nobody asks a location that is not served every few seconds.
RESTRICTED_SECONDS = 600.0


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
        time_path: str = "/fapi/v1/time",
    ) -> None:
        self._where = where
        self._time_path = time_path
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

    @property
    def known_offset_ms(self) -> float | None:
        """The same; None until the exchange was asked for its time."""
        clock = self.exchange_clock
        return clock.offset_ms if clock.synchronised else None

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
        question = Question("GET", self._time_path, 1, lambda _: {})
        leave = await self._permission(question)
        before = self._clock.now_ms()
        answer = await self._send(question, {}, leave)
        after = self._clock.now_ms()
        server = parse_time(await self._understand(question.path, answer, leave))
        if isinstance(server, BadBody):
            raise RestGarbled(f"{question.path}: {server.reason}", 200)
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
        return await self.request(Question("GET", path, weight, lambda _: params))

    async def request(self, question: Question) -> bytes:
        """Send and return the body; raises ``RestError``.

        A timestamp that is refused is measured anew and signed again, once.
        """
        await self._follow_clock()
        try:
            return await self._ask_once(question)
        except RestRefused as error:
            if error.code not in WRONG_TIME:
                raise
            log.warning("our timestamp was refused, asking for the time again")
        await self._measure_again()
        try:
            return await self._ask_once(question)
        except RestRefused as error:
            if error.code in WRONG_TIME:
                log.error("the timestamp is refused although measured just now")
            raise

    async def _measure_again(self) -> None:
        """Learn the time; should that fail, the request was refused and not executed."""
        try:
            await self.synchronise()
        except RestError as error:
            text = f"the exchange's time is not known: {error}"
            raise RestUnavailable(text, error.status, sent=False) from error

    async def know_the_time(self) -> None:
        """Learn the exchange's time once, before anything that must carry it."""
        if self.exchange_clock.synchronised:
            return
        async with self._syncing:
            if not self.exchange_clock.synchronised:
                await self._measure_again()

    async def _ask_once(self, question: Question) -> bytes:
        # Cancels wait for nobody. A slot is held while waiting for the budget, so that
        # a permission is as fresh as can be when the request goes.
        slot: AbstractAsyncContextManager[Any] = (
            nullcontext() if question.cancel else self._slots
        )
        async with slot:
            leave = await self._permission(question)
            told = question.params(self.server_now_ms())
            answer = await self._send(question, told, leave)
        return await self._understand(question.path, answer, leave)

    # -- one exchange of request and answer -------------------------------------

    async def _permission(self, question: Question) -> Leave:
        """Wait for the budget; raises ``RestError`` when that would take too long."""
        path, weight, cancel = question.path, question.weight, question.cancel
        self._refuse_restricted(path)
        if weight > usable(self.weight_limit, cancel=cancel):
            raise RestRefused(
                f"{path}: weight {weight} is more than may be spent", sent=False
            )
        while True:
            answer = await self._budget.take(
                weight,
                now_ms=self.exchange_clock.limits_now_ms(),
                limit=self.weight_limit,
                cancel=cancel,
            )
            checkpoint()  # nobody would ever leave a full minute otherwise
            if isinstance(answer, Leave):
                return answer
            if answer.hold is not None and answer.seconds > self._patience:
                raise _held(path, answer)
            await asyncio.sleep(min(answer.seconds, ASK_AGAIN_SECONDS))

    async def _send(self, question: Question, params: Params, leave: Leave) -> Answer:
        session = self._session or self._open()
        path = question.path
        try:
            async with session.request(
                question.method,
                allow_redirects=False,
                **addressed(self._where.rest, question, params),
            ) as answer:
                body = await answer.read()
        except aiohttp.ClientPayloadError as error:
            raise RestGarbled(f"{path}: the body is cut short: {error}", 200) from error
        except NOTHING_LEFT as error:
            await self._settle(leave, None)
            text = without_query(str(error))
            raise RestUnavailable(f"{path}: {text}", sent=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # Without an answer nobody knows whether it counted: it stays counted.
            text = without_query(str(error)) or type(error).__name__
            raise RestUnavailable(f"{path}: {text}") from error
        if question.heard is not None:
            question.heard(answer.headers)
        silence = None
        if answer.status in (403, 418, 429):
            silence = await self._fall_silent(answer, body)
        used = answer.headers.get(USED_WEIGHT, "")
        return Answer(answer.status, used, body, silence)

    async def _fall_silent(
        self, answer: aiohttp.ClientResponse, body: bytes
    ) -> float | None:
        """Be silent as long as the answer wants; return for how many seconds."""
        hold = asked_silence(
            answer.status,
            parse_retry_after(answer.headers.get("Retry-After")),
            body[:2000].decode(errors="replace"),
            exchange_now_ms=self._exchange_now_ms(answer),
        )
        if hold is not None:
            log.error("nothing is sent for %.0f s: %s", hold.seconds, hold.reason)
            await self._budget.hold(hold)
        return hold.seconds if hold is not None else None

    async def _understand(self, path: str, answer: Answer, leave: Leave) -> bytes:
        """Return the body of a good answer; the budget hears of every one."""
        used = int(answer.used) if answer.used.isdecimal() else None
        if used is not None:
            self.used_weight = used
        await self._settle(leave, used)
        if answer.status != 200:
            raise self._refusal(path, answer)
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
                text = f"CA file {self._ca_file}: {error}"
                raise RestUnavailable(text, sent=False) from error
        connector = aiohttp.TCPConnector(
            ssl=context,
            limit=self._connections,
            resolver=self._resolver,
        )
        self._session = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT)
        return self._session

    def _refusal(self, path: str, answer: Answer) -> RestError:
        error = refusal(path, answer.status, answer.body, answer.silence)
        if isinstance(error, RestRestricted):
            until = self._clock.monotonic() + RESTRICTED_SECONDS
            self._restricted = (until, str(error))
        return error

    def _refuse_restricted(self, path: str) -> None:
        if self._restricted is None:
            return
        until, text = self._restricted
        if self._clock.monotonic() < until:
            raise RestRestricted(f"{path}: not asked, because {text}", 451, sent=False)
        self._restricted = None


def _held(path: str, answer: Wait) -> RestError:
    assert answer.hold is not None
    text = f"{path}: nothing is sent for {answer.seconds:.0f} s: {answer.hold.reason}"
    kind, status = (RestBanned, 418) if answer.hold.banned else (RestUnavailable, 429)
    return kind(text, status, sent=False, retry_after=answer.seconds)
