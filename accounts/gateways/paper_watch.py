"""What happens to a paper account by itself: prices move, time passes, margin runs out."""

import asyncio
import logging
from decimal import Decimal
from functools import partial

from accounts.domain import paper_motion
from accounts.domain.paper import PaperCosts
from accounts.domain.paper_account import PaperAccount
from accounts.domain.paper_records import AnyRecord, Armed, Ended, PaperOrder
from accounts.domain.paper_terms import Glance, Terms
from accounts.domain.rules import SymbolRules
from accounts.gateways.paper_books import Decided, PaperBooks
from accounts.gateways.paper_market import PaperMarket
from accounts.journal import JournalUnavailable
from core.cancellation import checkpoint
from core.clock import Clock
from core.errors import BusUnavailable

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25


class PaperWatch:
    """Looks at the market a few times a second; ``look`` is one of these looks."""

    def __init__(
        self,
        name: str,
        books: PaperBooks,
        market: PaperMarket,
        *,
        costs: PaperCosts,
        clock: Clock,
    ) -> None:
        self._name = name
        self._books = books
        self._market = market
        self._costs = costs
        self._clock = clock
        self._seen: dict[str, int] = {}
        self._blind = False

    async def forever(self) -> None:
        """Look until cancelled; what fails is tried again at the next look."""
        while True:
            try:
                await self.look()
                self._blind = False
            except (BusUnavailable, JournalUnavailable) as error:
                if not self._blind:
                    log.error("%s: paper orders stand still: %s", self._name, error)
                self._blind = True
            except Exception:  # the loop's boundary: the other looks go on
                log.exception("%s: a look at the market failed", self._name)
            checkpoint()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Do what time and new prices ask for."""
        await self._disarm()
        account = self._books.account
        orders = {each.order.symbol for each in account.open_orders()}
        symbols = orders | {each.symbol for each in account.held()}
        glances: dict[str, Glance] = {}
        if symbols:
            await self._market.watch(symbols)
            glances = await self._market.glances(symbols)
        prices = _known(glances)
        for symbol in sorted(orders & glances.keys()):
            rules = await self._market.rules(symbol)
            if rules is not None:
                glance = self._only_new(symbol, glances[symbol])
                await self._advance(symbol, glance, rules, prices)
        now = self._market.now_ms()
        if paper_motion.funding(account, glances, now):
            await self._books.commit(
                partial(paper_motion.funding, account, glances, now)
            )
        await self._liquidate(glances, prices)
        await self._books.shorten(now)

    async def _advance(
        self,
        symbol: str,
        glance: Glance,
        rules: SymbolRules,
        prices: dict[str, Decimal],
    ) -> None:
        account = self._books.account
        pool: dict[int, Decimal] = {}
        for order in account.open_orders(symbol):

            def decide(order: PaperOrder = order) -> Decided:
                if order.order.client_id not in account.state.orders:
                    return []
                terms = self._terms(rules, prices)
                return paper_motion.advance(account, order, glance, pool, terms)

            await self._books.commit(decide)

    async def _liquidate(
        self, glances: dict[str, Glance], prices: dict[str, Decimal]
    ) -> None:
        account = self._books.account
        for order in paper_motion.liquidation(account, prices):
            glance = glances.get(order.symbol)
            rules = await self._market.rules(order.symbol)
            if glance is None or rules is None:
                continue
            log.error("%s: %s is liquidated", self._name, order.symbol)
            terms = self._terms(rules, prices)
            await self._books.commit(
                partial(paper_motion.liquidated, account, order, glance, terms)
            )

    async def _disarm(self) -> None:
        """Cancel what nobody asked to keep in time."""
        account, now = self._books.account, self._clock.now_ms()
        for symbol, until in list(account.state.armed.items()):
            if now < until:
                continue

            def decide(symbol: str = symbol) -> Decided:
                at = self._market.now_ms()
                gone = all_cancelled(account, symbol, at, "the countdown ran out")
                return [*gone, Armed(at, symbol, 0)]

            await self._books.commit(decide)

    def _only_new(self, symbol: str, glance: Glance) -> Glance:
        """Return the glance with the trades that were not seen before."""
        seen = self._seen.get(symbol, -1)
        new = tuple(tick for tick in glance.trades if tick.id > seen)
        if new:
            self._seen[symbol] = new[-1].id
        return Glance(glance.book, glance.last, glance.mark, glance.funding_rate, new)

    def _terms(self, rules: SymbolRules, prices: dict[str, Decimal]) -> Terms:
        return Terms(rules, self._costs, self._market.now_ms(), prices)


def all_cancelled(
    account: PaperAccount, symbol: str, at: int, reason: str = ""
) -> list[AnyRecord]:
    """Return the end of every open order of a symbol."""
    return [
        Ended(at, each.order.client_id, "canceled", reason)
        for each in account.open_orders(symbol)
    ]


async def worths(
    account: PaperAccount, market: PaperMarket, known: dict[str, Glance]
) -> dict[str, Decimal]:
    """Return what all positions are worth by, as far as it is known."""
    others = {each.symbol for each in account.held()} - known.keys()
    try:
        found = await market.glances(others) if others else {}
    except BusUnavailable:
        found = {}
    return _known({**found, **known})


def _known(glances: dict[str, Glance]) -> dict[str, Decimal]:
    return {
        symbol: glance.price
        for symbol, glance in glances.items()
        if glance.price is not None
    }
