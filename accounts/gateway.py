"""One protocol for the place where an account's orders go: paper or the exchange.

A gateway keeps no state that matters: what was sent stands in the journal, what is
stands at the exchange. Every method that may change something returns an ``Outcome`` and
raises nothing but programming errors; reads raise ``GatewayUnavailable`` when they cannot
tell now and ``GatewayRefused`` when they never will (a wrong key, say).
"""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Protocol

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
)
from core.errors import Permanent, Retryable


class GatewayUnavailable(Retryable):
    """The exchange, or the way to it, cannot tell now."""


class GatewayRefused(Permanent):
    """The exchange refuses to tell; ``code`` is its number."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class Gateway(Protocol):
    """The orders of one account. ``account`` is its name."""

    account: str

    async def start(self) -> None:
        """Open what is needed; the private stream comes up by itself later."""

    async def close(self) -> None:
        """End everything it opened."""

    def events(self) -> AsyncIterator[AccountEvent]:
        """Yield what the exchange tells, in its order; ``StreamNews`` says whether it can.

        Everything may come twice, and a fill before or after its order's state. For one
        reader; nothing is dropped while nobody reads.
        """

    async def place(self, order: NewOrder) -> Outcome:
        """Send once. An ``unknown`` outcome is never sent again by anybody."""

    async def cancel(self, ref: OrderRef) -> Outcome:
        """Cancel; an order that is already final is ``refused`` with its news if known."""

    async def cancel_all(self, symbol: str) -> Outcome:
        """Cancel everything open on the symbol, conditional orders too."""

    async def amend(
        self, ref: OrderRef, *, side: str, quantity: Decimal, price: Decimal
    ) -> Outcome:
        """Change quantity and price of a resting LIMIT order."""

    async def query(self, ref: OrderRef) -> OrderNews | None:
        """Return the order's state; None when the exchange does not know it.

        One that was sent just now may still be under way.
        """

    async def picture(self) -> AccountPicture:
        """Return open orders (conditional ones too), positions and balances."""

    async def fills(self, symbol: str, *, since_ms: int) -> list[FillNews]:
        """Return the executions of a symbol since then, oldest first, all pages."""

    async def fills_of(self, symbol: str, exchange_id: int) -> list[FillNews]:
        """Return the executions of one order, of the last seven days, all pages."""

    async def incomes(self, *, since_ms: int) -> list[IncomeNews]:
        """Return the money that moved since then, oldest first, all pages."""

    async def set_leverage(self, symbol: str, leverage: int) -> Outcome:
        """Set the leverage of a symbol."""

    async def set_margin_type(self, symbol: str, margin_type: MarginType) -> Outcome:
        """Set the margin type of a symbol."""

    async def set_position_mode(self, *, hedge: bool) -> Outcome:
        """Set one-way or hedge mode of the whole account."""

    async def countdown(self, symbol: str, milliseconds: int) -> Outcome:
        """Cancel all of the symbol unless called again in time; 0 disarms it."""
