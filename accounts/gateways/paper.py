"""The gateway of a paper account: an exchange of its own over the prices that we see.

Whatever happens is a record in the account's own journal before it counts, so that a
restart, or a crash at any moment, finds the account as it was told. Trades of the market
that passed while nobody looked fill nothing.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

from accounts.domain import paper_rules
from accounts.domain.exchange import (
    AccountEvent,
    AccountPicture,
    FillNews,
    IncomeNews,
    MarginType,
    NewOrder,
    OrderNews,
    OrderRef,
    Outcome,
    StreamNews,
)
from accounts.domain.paper import PaperCosts
from accounts.domain.paper_account import PaperAccount
from accounts.domain.paper_news import fill_news, income_news, order_news
from accounts.domain.paper_records import (
    Armed,
    Began,
    Configured,
    Ended,
)
from accounts.domain.paper_terms import Glance, Refusal, Terms
from accounts.domain.rules import SymbolRules
from accounts.gateways.event_queue import EventQueue
from accounts.gateways.paper_books import Decide, Decided, PaperBooks
from accounts.gateways.paper_market import PaperMarket
from accounts.gateways.paper_watch import PaperWatch, all_cancelled, worths
from accounts.journal import JournalUnavailable
from core.cancellation import checkpoint
from core.clock import Clock, SystemClock
from core.errors import BusUnavailable
from core.patience import TRANSIENT

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
# How long a larger order waits for a book deeper than the best prices.
DEPTH_SECONDS = 1.0
NO_SYMBOL, UNKNOWN_ORDER = -1121, -2011
# Prices or rules cannot be read now.
AWAY = (BusUnavailable, *TRANSIENT)
LEVERAGES = range(1, 126)


class PaperGateway:
    """See ``accounts.gateway.Gateway``; ``folder`` holds the account and nothing else."""

    def __init__(
        self,
        account: str,
        *,
        folder: Path,
        market: PaperMarket,
        starting_balance: Decimal,
        costs: PaperCosts | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.account = account
        self._market = market
        self._starting_balance = starting_balance
        self._costs = costs or PaperCosts()
        self._clock = clock or SystemClock()
        self._queue = EventQueue()
        self._books = PaperBooks(folder, self._queue.put)
        self._watch = PaperWatch(
            account, self._books, market, costs=self._costs, clock=self._clock
        )
        self._job: asyncio.Task[None] | None = None

    @property
    def _account(self) -> PaperAccount:
        return self._books.account

    # -- life -------------------------------------------------------------------

    async def start(self) -> None:
        """Open the account's journal; raises ``NameTaken``, ``JournalDamaged``."""
        if self._job is not None:
            return
        await self._books.open()
        with contextlib.suppress(BusUnavailable):
            await self._market.glances([])  # to know the exchange's time
        if not self._account.state.settled_at:
            began = Began(self._market.now_ms(), self._starting_balance)
            await self._books.commit(lambda: [began])
        self._queue.put(StreamNews(up=True, at=self._market.now_ms(), reason="paper"))
        self._job = asyncio.create_task(self._watch.forever())

    async def close(self) -> None:
        """See ``Gateway``."""
        job, self._job = self._job, None
        if job is not None:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)
        await self._books.close()
        self._queue.close()

    def events(self) -> AsyncIterator[AccountEvent]:
        """See ``Gateway``."""
        return self._queue.iterate()

    # -- orders -----------------------------------------------------------------

    async def place(self, order: NewOrder) -> Outcome:
        """See ``Gateway``; an order that is there already is not placed again."""
        known = self._account.order(order.client_id)
        if known is not None:
            return Outcome("done", order_news(known))
        try:
            rules = await self._market.rules(order.symbol)
            if rules is None:
                return Outcome("refused", code=NO_SYMBOL, message="Invalid symbol.")
            await asyncio.sleep(self._costs.latency_ms / 1000)
            glance = await self._deep_enough(order)
        except AWAY as error:
            return Outcome("not_sent", message=str(error))
        if glance is None:
            return Outcome("not_sent", message=f"no prices of {order.symbol} are known")
        prices = await worths(self._account, self._market, {order.symbol: glance})
        return await self._outcome(
            order.client_id,
            lambda: self._placed(order, glance, self._terms(rules, prices)),
        )

    def _placed(self, order: NewOrder, glance: Glance, terms: Terms) -> Decided:
        if self._account.order(order.client_id) is not None:
            return []  # somebody was quicker
        return paper_rules.place(self._account, order, glance, terms)

    async def cancel(self, ref: OrderRef) -> Outcome:
        """See ``Gateway``."""
        return await self._outcome(ref.client_id, lambda: self._cancelled(ref))

    def _cancelled(self, ref: OrderRef) -> Decided:
        if ref.client_id not in self._account.state.orders:
            return Refusal(UNKNOWN_ORDER, "Unknown order sent.")
        return [Ended(self._market.now_ms(), ref.client_id, "canceled")]

    async def cancel_all(self, symbol: str) -> Outcome:
        """See ``Gateway``."""
        return await self._outcome(
            "", lambda: all_cancelled(self._account, symbol, self._market.now_ms())
        )

    async def amend(
        self, ref: OrderRef, *, side: str, quantity: Decimal, price: Decimal
    ) -> Outcome:
        """See ``Gateway``."""
        try:
            rules = await self._market.rules(ref.symbol)
            glance = (await self._market.glances([ref.symbol])).get(ref.symbol)
        except AWAY as error:
            return Outcome("not_sent", message=str(error))
        if rules is None or glance is None:
            return Outcome("not_sent", message=f"no prices of {ref.symbol} are known")
        prices = await worths(self._account, self._market, {ref.symbol: glance})

        def decide() -> Decided:
            order = self._account.state.orders.get(ref.client_id)
            if order is None:
                return Refusal(UNKNOWN_ORDER, "Unknown order sent.")
            terms = self._terms(rules, prices)
            return paper_rules.amend(
                self._account, order, quantity, price, glance, terms
            )

        return await self._outcome(ref.client_id, decide)

    async def query(self, ref: OrderRef) -> OrderNews | None:
        """See ``Gateway``."""
        known = self._account.order(ref.client_id)
        return None if known is None else order_news(known)

    # -- everything at once -----------------------------------------------------

    async def picture(self) -> AccountPicture:
        """See ``Gateway``; without prices the profit of positions is not told."""
        return self._account.picture(
            self._market.now_ms(), await worths(self._account, self._market, {})
        )

    async def fills(self, symbol: str, *, since_ms: int) -> list[FillNews]:
        """See ``Gateway``."""
        return [
            fill_news(row)
            for row in self._account.state.fills
            if row.symbol == symbol and row.at >= since_ms
        ]

    async def fills_of(self, symbol: str, exchange_id: int) -> list[FillNews]:
        """See ``Gateway``."""
        made = await self.fills(symbol, since_ms=0)
        return [each for each in made if each.exchange_id == exchange_id]

    async def incomes(self, *, since_ms: int) -> list[IncomeNews]:
        """See ``Gateway``."""
        return [
            income_news(row)
            for row in self._account.state.incomes
            if row.at >= since_ms
        ]

    # -- settings of the account ------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: int) -> Outcome:
        """See ``Gateway``."""

        def decide() -> Decided:
            if leverage not in LEVERAGES:
                return Refusal(-4028, f"Leverage {leverage} is not valid")
            return [Configured(self._market.now_ms(), symbol, leverage=leverage)]

        return await self._outcome("", decide)

    async def set_margin_type(self, symbol: str, margin_type: MarginType) -> Outcome:
        """See ``Gateway``."""

        def decide() -> Decided:
            state = self._account.state
            if state.margin_types.get(symbol, "cross") == margin_type:
                return []
            if self._account.open_orders(symbol):
                return Refusal(-4047, "there are open orders")
            if any(each.symbol == symbol for each in self._account.held()):
                return Refusal(-4048, "there is a position")
            return [Configured(self._market.now_ms(), symbol, margin_type=margin_type)]

        return await self._outcome("", decide)

    async def set_position_mode(self, *, hedge: bool) -> Outcome:
        """See ``Gateway``."""

        def decide() -> Decided:
            if self._account.state.hedge is hedge:
                return []
            if self._account.open_orders():
                return Refusal(-4067, "there are open orders")
            if self._account.held():
                return Refusal(-4068, "there is a position")
            return [Configured(self._market.now_ms(), hedge=hedge)]

        return await self._outcome("", decide)

    async def countdown(self, symbol: str, milliseconds: int) -> Outcome:
        """See ``Gateway``; counted by this machine's clock, over restarts too."""
        until = self._clock.now_ms() + milliseconds if milliseconds else 0
        armed = Armed(self._market.now_ms(), symbol, until)
        return await self._outcome("", lambda: [armed])

    async def reset(self, balance: Decimal) -> Outcome:
        """Begin anew with this balance; numbers of orders and fills go on."""
        began = Began(self._market.now_ms(), balance)
        return await self._outcome("", lambda: [began])

    # -- prices -----------------------------------------------------------------

    async def _deep_enough(self, order: NewOrder) -> Glance | None:
        """Return the market, with its book where the best prices do not suffice."""
        await self._market.watch([order.symbol])
        waited = 0.0
        while True:
            glance = (await self._market.glances([order.symbol])).get(order.symbol)
            if glance is None or _suffices(order, glance) or waited >= DEPTH_SECONDS:
                return glance
            checkpoint()
            await asyncio.sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS

    def _terms(self, rules: SymbolRules, prices: dict[str, Decimal]) -> Terms:
        return Terms(rules, self._costs, self._market.now_ms(), prices)

    # -- the journal ------------------------------------------------------------

    async def _outcome(self, client_id: str, decide: Decide) -> Outcome:
        """Decide, keep and apply; tell what came of it."""
        try:
            done = await self._books.commit(decide)
        except JournalUnavailable as error:
            return Outcome("not_sent", message=str(error))
        order = self._account.order(client_id)
        state = None if order is None else order_news(order)
        if isinstance(done, Refusal):
            return Outcome("refused", state, code=done.code, message=done.message)
        fills = tuple(each for each in done if isinstance(each, FillNews))
        return Outcome("done", state, fills)


def _suffices(order: NewOrder, glance: Glance) -> bool:
    """Whether the levels that are known hold the order, or are a whole book."""
    levels = glance.book.asks if order.side == "BUY" else glance.book.bids
    if order.conditional or len(levels) > 1:
        return True
    held = sum((quantity for _, quantity in levels), Decimal(0))
    return held >= order.quantity
