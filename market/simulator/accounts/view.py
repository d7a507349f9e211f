"""The market as the account side sees it: Decimals by name of the symbol."""

from collections.abc import Iterator
from decimal import Decimal

from market.simulator.accounts.matching import Level
from market.simulator.accounts.terms import Terms, terms_of
from market.simulator.derivatives import FUNDING_PERIOD
from market.simulator.errors import ApiError, bad_symbol
from market.simulator.exchange import Exchange
from market.simulator.symbols import Symbol

BOOK_LEVELS = 1_000


class MarketView:
    """Prices, books and rules at the present slot."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._terms: dict[str, Terms] = {}
        self._marks: tuple[int, list[float]] = (-1, [])

    @property
    def now_ms(self) -> int:
        """Time of the market."""
        return self._exchange.clock.market_ms()

    @property
    def shown_ms(self) -> int:
        """Time that the exchange shows and judges requests by."""
        return self._exchange.clock.shown_ms()

    @property
    def names(self) -> Iterator[str]:
        return iter(self._exchange.by_name)

    def symbol(self, name: str) -> Symbol:
        """Raises ApiError for an unknown one or one that does not trade."""
        symbol = self._exchange.by_name.get(name)
        if symbol is None:
            raise bad_symbol()
        return symbol

    def check_trades(self, name: str) -> None:
        if self._exchange.statuses.get(name, "TRADING") != "TRADING":
            raise ApiError(-4141, "Symbol is closed.")

    def terms(self, name: str) -> Terms:
        if name not in self._terms:
            self._terms[name] = terms_of(self.symbol(name))
        return self._terms[name]

    def mark(self, name: str) -> Decimal:
        """Mark price, as ``premiumIndex`` writes it."""
        slot = self._exchange.slot
        if self._marks[0] != slot:
            self._marks = slot, self._exchange.marks().mark.tolist()
        return Decimal(f"{self._marks[1][self.symbol(name).rank]:.8f}")

    def last(self, name: str) -> Decimal:
        """Price of the last trade."""
        symbol = self.symbol(name)
        units = int(self._exchange.moment.last_prices[symbol.rank])
        return Decimal(units).scaleb(-symbol.price_decimals)

    def best(self, name: str, side: str) -> Decimal:
        """The best price that an order of that side would meet."""
        symbol = self.symbol(name)
        column = 2 if side == "BUY" else 0
        units = int(self._exchange.tops[symbol.rank, column])
        return Decimal(units).scaleb(-symbol.price_decimals)

    def levels(self, name: str, side: str) -> Iterator[Level]:
        """The other side's levels (price, quantity), best first."""
        symbol = self.symbol(name)
        book = self._exchange.book(symbol, BOOK_LEVELS)
        found = book.asks if side == "BUY" else book.bids
        prices, sizes = found.prices.tolist(), found.sizes.tolist()
        for units, steps in zip(prices, sizes, strict=True):
            yield (
                Decimal(units).scaleb(-symbol.price_decimals),
                Decimal(steps).scaleb(-symbol.quantity_decimals),
            )

    @property
    def funding_period(self) -> int:
        """Number of the funding payment that was last due."""
        return self._exchange.moment.time_ms // FUNDING_PERIOD

    def funding(self, name: str, period: int) -> tuple[Decimal, Decimal]:
        """(rate, mark price) of a payment."""
        symbol = self.symbol(name)
        derivatives = self._exchange.derivatives
        rate = float(derivatives.funding_rates(period)[symbol.rank])
        mark = derivatives.mark_at_funding(symbol, period)
        return Decimal(f"{rate:.8f}"), Decimal(f"{mark:.8f}")
