"""The gateway of one account at Binance, or at whatever speaks like it, by URL."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from accounts.domain.exchange import (
    AccountEvent,
    AccountPicture,
    ConfigNews,
    FillNews,
    IncomeNews,
    MarginType,
    NewOrder,
    OrderNews,
    OrderRef,
    Outcome,
    StreamNews,
)
from accounts.gateways import mapping
from accounts.gateways.children import Children
from accounts.gateways.event_mapping import account_events
from accounts.gateways.event_queue import EventQueue
from accounts.gateways.history import WINDOW_MS, all_fills, all_incomes
from accounts.gateways.outcomes import outcome_of, read_error, together
from accounts.gateways.words import margin_type_of
from market.binance.events import Report
from market.binance.order_errors import Action
from market.binance.private_rest import PrivateRest
from market.binance.rest_errors import RestError
from market.binance.signed import Params, action_of
from market.binance.user_stream import PrivateHall, UserStream
from market.domain.user_events import UserEvent

log = logging.getLogger(__name__)

UNKNOWN_ORDER = -2011
NO_SUCH_ORDER = -2013
# An order that was acknowledged must be told of on the stream within this time.
EVENT_SECONDS = 10.0
LOOK_SECONDS = 0.5
MODE_SECONDS = 600.0


class BinanceGateway:
    """See ``accounts.gateway.Gateway``; ``connection`` names its private stream."""

    def __init__(
        self,
        account: str,
        private: PrivateRest,
        hall: PrivateHall,
        *,
        connection: str,
        report: Report,
    ) -> None:
        self.account = account
        self._private = private
        self._clock = hall.clock
        self._events = EventQueue(
            lambda: self.stream.pause(), lambda: self.stream.resume()
        )
        self.stream = UserStream(
            private,
            hall,
            name=connection,
            account=account,
            hears=self,
            report=report,
        )
        self._watch: asyncio.Task[None] | None = None
        self._up = False
        # Until when (monotonic) the stream must tell of orders that were acknowledged.
        self._untold: dict[str, float] = {}
        self._children = Children()
        self._hedge: tuple[float, bool] | None = None

    # -- life -------------------------------------------------------------------

    async def start(self) -> None:
        """See ``Gateway``."""
        await self.stream.start()
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_stream())

    async def close(self) -> None:
        """See ``Gateway``."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        await self.stream.close()
        self._events.close()

    def events(self) -> AsyncIterator[AccountEvent]:
        """See ``Gateway``."""
        return self._events.iterate()

    # -- orders -----------------------------------------------------------------

    async def place(self, order: NewOrder) -> Outcome:
        """See ``Gateway``."""
        name = order.client_id
        self._children.know(name)
        self._untold[name] = math.inf
        outcome = await self._sent(order)
        if outcome.kind == "done" and self._up and name in self._untold:
            self._untold[name] = self._clock.monotonic() + EVENT_SECONDS
        else:
            self._untold.pop(name, None)
        if outcome.news is not None:
            self._children.learn(outcome.news)
        return outcome

    async def _sent(self, order: NewOrder) -> Outcome:
        try:
            return Outcome("done", await self._placed(order))
        except RestError as error:
            if action_of(error) is Action.EXISTS:
                return await self._existing(order, error)
            return outcome_of(error)

    async def _placed(self, order: NewOrder) -> OrderNews:
        if order.conditional:
            body = await self._private.place_algo(mapping.algo_params(order))
            return mapping.algo_news(body)
        return mapping.order_news(
            await self._private.place(mapping.order_params(order))
        )

    async def _existing(self, order: NewOrder, error: RestError) -> Outcome:
        """Somebody, most likely we, placed an order of this id before."""
        ref = OrderRef(order.symbol, order.client_id, algo=order.conditional)
        news = await self._state(ref)
        if news is None:
            return outcome_of(error)
        if not mapping.is_same(news, order):
            text = f"another order has the client id {order.client_id}"
            return Outcome("refused", news, code=error.code, message=text)
        return Outcome("done", news)

    async def cancel(self, ref: OrderRef) -> Outcome:
        """See ``Gateway``."""
        try:
            if ref.algo and ref.exchange_id is None:
                await self._private.cancel_algo(ref.client_id)
                return Outcome("done", await self._state(ref))
            body = await self._private.cancel(
                ref.symbol, ref.client_id, ref.exchange_id if ref.algo else None
            )
            return Outcome("done", self._children.renamed(mapping.order_news(body)))
        except RestError as error:
            outcome = outcome_of(error)
            if error.code not in (UNKNOWN_ORDER, NO_SUCH_ORDER):
                return outcome
        return Outcome(
            "refused", await self._state(ref), (), outcome.code, outcome.message
        )

    async def cancel_all(self, symbol: str) -> Outcome:
        """See ``Gateway``."""
        return together(
            await asyncio.gather(
                self._changed(self._private.cancel_all(symbol)),
                self._changed(self._private.cancel_all_algo(symbol)),
            )
        )

    async def amend(
        self, ref: OrderRef, *, side: str, quantity: Decimal, price: Decimal
    ) -> Outcome:
        """See ``Gateway``."""
        params: Params = {
            "symbol": ref.symbol,
            "origClientOrderId": ref.client_id,
            "side": side,
            "quantity": quantity,
            "price": price,
        }
        try:
            news = mapping.order_news(await self._private.amend(params))
        except RestError as error:
            return outcome_of(error)
        return Outcome("done", news)

    async def query(self, ref: OrderRef) -> OrderNews | None:
        """See ``Gateway``."""
        try:
            return await self._query(ref)
        except RestError as error:
            if error.code == NO_SUCH_ORDER:
                return None
            raise read_error(error) from error

    async def _query(self, ref: OrderRef) -> OrderNews:
        if not ref.algo:
            body = await self._private.order(ref.symbol, ref.client_id)
            return mapping.order_news(body)
        news = mapping.algo_news(await self._private.algo_order(ref.client_id))
        if news.triggered_id is None:
            return news
        child = await self._private.order(ref.symbol, "", news.triggered_id)
        return mapping.with_child(news, mapping.order_news(child))

    async def _state(self, ref: OrderRef) -> OrderNews | None:
        """Return the state beside an outcome that stands without it."""
        try:
            return await self._query(ref)
        except RestError as error:
            log.warning("%s: the state of %s: %s", self.account, ref.client_id, error)
            return None

    # -- everything at once -----------------------------------------------------

    async def picture(self) -> AccountPicture:
        """See ``Gateway``."""
        at = self._private.now_ms()
        with _reading():
            orders, algos, positions, balances, hedge = await asyncio.gather(
                self._private.open_orders(),
                self._private.open_algo_orders(),
                self._private.positions(),
                self._private.balances(),
                self._in_hedge_mode(),
            )
            settings, problems = await self._settings()
            news = [*map(mapping.algo_news, algos), *map(mapping.order_news, orders)]
            for each in news:
                self._children.learn(each)
                self._children.know(each.ref.client_id)
            return AccountPicture(
                at=at,
                orders=tuple(map(self._children.renamed, news)),
                positions=tuple(
                    mapping.position_news(body, settings, at) for body in positions
                ),
                balances=tuple(mapping.balance_news(body, at) for body in balances),
                hedge=hedge,
                problems=problems,
            )

    async def _settings(
        self,
    ) -> tuple[dict[str, tuple[int, MarginType]], tuple[str, ...]]:
        """Return leverage and margin type by symbol; positions are true without."""
        try:
            rows = await self._private.symbol_configs()
        except RestError as error:
            return {}, (f"leverage and margin types: {error}",)
        return {
            row.symbol: (row.leverage, margin_type_of(row.margin_type)) for row in rows
        }, ()

    async def _in_hedge_mode(self) -> bool:
        """Ask now and then: the question is dear, and the answer hardly changes."""
        now = self._clock.monotonic()
        if self._hedge is None or now - self._hedge[0] >= MODE_SECONDS:
            self._hedge = (now, await self._private.hedge())
        return self._hedge[1]

    async def fills(self, symbol: str, *, since_ms: int) -> list[FillNews]:
        """See ``Gateway``."""
        return await self._fills(symbol, since_ms, None)

    async def fills_of(self, symbol: str, exchange_id: int) -> list[FillNews]:
        """See ``Gateway``."""
        since = self._private.now_ms() - WINDOW_MS
        return await self._fills(symbol, since, exchange_id)

    async def _fills(
        self, symbol: str, since_ms: int, order_id: int | None
    ) -> list[FillNews]:
        with _reading():
            rows = await all_fills(self._private, symbol, since_ms, order_id)
            return [self._children.renamed(mapping.fill_news(row)) for row in rows]

    async def incomes(self, *, since_ms: int) -> list[IncomeNews]:
        """See ``Gateway``."""
        with _reading():
            rows = await all_incomes(self._private, since_ms)
        return [mapping.income_news(row) for row in rows]

    # -- settings of the account ------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: int) -> Outcome:
        """See ``Gateway``."""
        return await self._changed(self._private.set_leverage(symbol, leverage))

    async def set_margin_type(self, symbol: str, margin_type: MarginType) -> Outcome:
        """See ``Gateway``."""
        wire = "ISOLATED" if margin_type == "isolated" else "CROSSED"
        return await self._changed(self._private.set_margin_type(symbol, wire))

    async def set_position_mode(self, *, hedge: bool) -> Outcome:
        """See ``Gateway``."""
        outcome = await self._changed(self._private.set_hedge(hedge=hedge))
        self._hedge = None
        if outcome.kind == "done":
            # No event of the exchange tells of it.
            self._events.put(ConfigNews(self._private.now_ms(), hedge=hedge))
        return outcome

    async def countdown(self, symbol: str, milliseconds: int) -> Outcome:
        """See ``Gateway``."""
        return await self._changed(self._private.countdown(symbol, milliseconds))

    async def _changed(self, job: Awaitable[object]) -> Outcome:
        try:
            await job
        except RestError as error:
            return outcome_of(error)
        return Outcome("done")

    # -- what the stream tells, see ``Hears`` -----------------------------------

    def event(self, event: UserEvent) -> None:
        """See ``Hears``."""
        try:
            told = list(account_events(event))
        except ValueError as error:
            self.not_understood(str(error))
            return
        now = self._clock.monotonic()
        for news in told:
            if isinstance(news, OrderNews):
                self._untold.pop(news.ref.client_id, None)
            for each in self._children.told(news, now):
                self._events.put(each)

    def not_understood(self, reason: str) -> None:
        """See ``Hears``; a fill may hide in it, so everything is compared."""
        log.error("%s: an event is not understood: %s", self.account, reason)
        text = f"an event was not understood: {reason}"
        self._events.put(StreamNews(up=True, at=self._private.now_ms(), reason=text))

    def up(self, reason: str) -> None:
        """See ``Hears``."""
        self._up = True
        self._untold.clear()
        self._events.put(StreamNews(up=True, at=self._private.now_ms(), reason=reason))

    def down(self, reason: str) -> None:
        """See ``Hears``."""
        self._up = False
        self._untold.clear()
        self._events.put(StreamNews(up=False, at=self._private.now_ms(), reason=reason))

    # -- the stream is watched ---------------------------------------------------

    async def _watch_stream(self) -> None:
        """Replace a socket that is open and does not tell of what we did."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = self._clock.monotonic()
            for news in self._children.overdue(now):
                self._events.put(news)
            late = [name for name, due in self._untold.items() if now >= due]
            if late:
                self._untold.clear()
                self.stream.connection.silent(f"it did not tell of order {late[0]}")


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except RestError as error:
        raise read_error(error) from error
