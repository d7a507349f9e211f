"""Signs, sends and reads the requests of one API key.

Only what the exchange certainly did not execute ("Service Unavailable.") is sent again, a
few times. Parameters go into the query of GET and DELETE and into the body of POST and
PUT; the signature covers them as they are sent.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeVar

from core.clock import Clock, SystemClock
from market.binance.order_errors import Action, action_for
from market.binance.order_rate import OrderRate
from market.binance.rest import BinanceRestClient, Question
from market.binance.rest_errors import RestError, RestGarbled, RestUnavailable
from market.binance.signing import Signer, signed_query

log = logging.getLogger(__name__)

Value = str | int | bool | Decimal
Params = Mapping[str, Value]
Body = TypeVar("Body")

RECV_WINDOW_MS = 5_000
# How long the answer to something about an order is waited for.
ORDER_SECONDS = 10.0
PAUSES = (0.2, 0.4, 0.8)


class OrdersThrottled(RestUnavailable):
    """Too many orders of the account by our own count: nothing was sent."""


def action_of(error: RestError) -> Action:
    """Return what a failed private request asks of the caller.

    An answer that cannot be read tells nothing of what was done: ask.
    """
    if not error.sent:
        return Action.BACK_OFF
    if isinstance(error, RestGarbled):
        return Action.QUERY
    return action_for(error.status, error.code, error.reason)


def told(value: Value) -> str:
    """Return a value as the exchange reads it: no exponents, lower-case booleans."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


class SignedCaller:
    """One key's requests; ``rest`` is shared with everybody on this address."""

    def __init__(
        self,
        rest: BinanceRestClient,
        *,
        api_key: str,
        signer: Signer,
        recv_window_ms: int = RECV_WINDOW_MS,
        order_seconds: float = ORDER_SECONDS,
        order_rate: OrderRate | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._rest = rest
        self._headers = {"X-MBX-APIKEY": api_key}
        self._signer = signer
        self._recv_window_ms = recv_window_ms
        self._order_seconds = order_seconds
        self._order_rate = order_rate or OrderRate(clock or SystemClock())

    def now_ms(self) -> int:
        """Return the exchange's time, ms since the epoch."""
        return self._rest.server_now_ms()

    async def order(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], Body],
        params: Params,
        *,
        weight: int = 0,
        orders: int = 1,
    ) -> Body:
        """Send what counts as so many orders; raises ``OrdersThrottled`` too."""
        wait = self._order_rate.take(orders)
        if wait > 0:
            raise OrdersThrottled(
                f"{path}: too many orders of this account, {wait:.1f} s to wait",
                429,
                sent=False,
                retry_after=wait,
            )
        return await self.ask(method, path, read, params, weight=weight, urgent=True)

    async def ask(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], Body],
        params: Params | None,
        *,
        weight: int = 1,
        urgent: bool = False,
    ) -> Body:
        """Send, read and return; raises ``RestError``.

        ``params`` None: the key alone, without a signature. ``urgent`` waits behind no
        question for data and may use the reserve of the budget.
        """
        question = Question(
            method,
            path,
            weight,
            self._signing(params),
            self._headers,
            cancel=urgent,
            heard=self._order_rate.heard,
            seconds=self._order_seconds if urgent else None,
        )
        if params is not None:
            await self._rest.know_the_time()
        raw = await self._send(question)
        try:
            return read(raw)
        except ValueError as error:
            raise RestGarbled(f"{path}: not understood: {error}", 200) from error

    async def _send(self, question: Question) -> bytes:
        for pause in PAUSES:
            try:
                return await self._rest.request(question)
            except RestError as error:
                if action_of(error) is not Action.RETRY:
                    raise
                log.warning("%s, not executed; again in %.1f s", error, pause)
            await asyncio.sleep(pause)
        return await self._rest.request(question)

    def _signing(self, params: Params | None) -> Callable[[int], str]:
        if params is None:
            return lambda _: ""
        values = {name: told(value) for name, value in params.items()}
        return lambda now_ms: signed_query(
            values,
            signer=self._signer,
            timestamp_ms=now_ms,
            recv_window_ms=self._recv_window_ms,
        )
