"""Fills of paper orders: a walk over the book that the exchange shows us. Pure.

Shares nothing with the simulator, so that a mistake there cannot hide here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from accounts.domain.positions import Side
from accounts.domain.rules import ZERO
from core.errors import InvalidInput

BASIS_POINT = Decimal("0.0001")
Level = tuple[Decimal, Decimal]
OrderType = Literal["MARKET", "LIMIT"]


@dataclass(frozen=True)
class PaperBook:
    """Levels (price, quantity), best first, true at ``at`` (ms since the epoch)."""

    bids: Sequence[Level]
    asks: Sequence[Level]
    at: int


@dataclass(frozen=True)
class PaperCosts:
    """Fees in basis points of the notional; ``slippage_bps`` worsens every price a
    taker gets; ``latency_ms``: an order meets the book of so much later.
    """

    taker_bps: Decimal = Decimal(5)
    maker_bps: Decimal = Decimal(2)
    slippage_bps: Decimal = Decimal(1)
    latency_ms: int = 50

    def __post_init__(self) -> None:
        for name in ("taker_bps", "maker_bps", "slippage_bps"):
            value = getattr(self, name)
            if not value.is_finite() or value < 0:
                raise InvalidInput(name, value, "must be a finite number, 0 or more")
        if self.latency_ms < 0:
            raise InvalidInput("latency_ms", self.latency_ms, "must be 0 or more")


@dataclass(frozen=True)
class PaperFill:
    """One execution; ``fee`` in the quote asset."""

    quantity: Decimal
    price: Decimal
    fee: Decimal
    maker: bool


@dataclass(frozen=True)
class PaperResult:
    """What an order got now; ``left`` rests (LIMIT) or is cancelled (MARKET)."""

    fills: tuple[PaperFill, ...]
    left: Decimal

    @property
    def filled(self) -> Decimal:
        """Quantity of all fills."""
        return sum((one.quantity for one in self.fills), ZERO)

    @property
    def average_price(self) -> Decimal:
        """Mean price weighted by quantity; 0 without a fill."""
        worth = sum((one.quantity * one.price for one in self.fills), ZERO)
        return worth / self.filled if self.filled else ZERO


def take(
    side: Side,
    quantity: Decimal,
    book: PaperBook,
    costs: PaperCosts,
    *,
    limit: Decimal | None = None,
    tick: Decimal = ZERO,
) -> PaperResult:
    """Walk the other side of the book; a limit bounds the price after slippage too.

    Prices after slippage are rounded to the tick against the taker.
    """
    if not quantity.is_finite() or quantity <= 0:
        raise InvalidInput("quantity", quantity, "must be a finite number above 0")
    levels = book.asks if side == "BUY" else book.bids
    fills, left = [], quantity
    for price, available in levels:
        if not left:
            break
        paid = _slipped(side, price, costs.slippage_bps, tick)
        if limit is not None:
            if (price > limit) if side == "BUY" else (price < limit):
                break
            paid = min(paid, limit) if side == "BUY" else max(paid, limit)
        got = min(left, available)
        if got <= 0:
            continue
        fee = got * paid * costs.taker_bps * BASIS_POINT
        fills.append(PaperFill(got, paid, fee, maker=False))
        left -= got
    return PaperResult(tuple(fills), left)


def rest(
    side: Side,
    left: Decimal,
    limit: Decimal,
    *,
    traded_price: Decimal,
    traded_quantity: Decimal,
    costs: PaperCosts,
) -> PaperFill | None:
    """Return the fill of a resting order by a trade, or None.

    Only a trade *through* the limit fills (a trade at it may have been before us in the
    queue), at the limit, no more than was traded.
    """
    through = traded_price < limit if side == "BUY" else traded_price > limit
    got = min(left, traded_quantity)
    if not through or got <= 0:
        return None
    return PaperFill(
        got, limit, got * limit * costs.maker_bps * BASIS_POINT, maker=True
    )


def _slipped(side: Side, price: Decimal, bps: Decimal, tick: Decimal) -> Decimal:
    sign = 1 if side == "BUY" else -1
    worse = price * (1 + sign * bps * BASIS_POINT)
    if not tick:
        return worse
    steps = worse / tick
    rounding = "ROUND_CEILING" if side == "BUY" else "ROUND_FLOOR"
    return steps.to_integral_value(rounding) * tick
