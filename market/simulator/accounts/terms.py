"""What a contract demands of an order, and what a position costs. All Decimal.

The filters are those that ``exchangeInfo`` lists.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from market.simulator.contracts import filters
from market.simulator.errors import ApiError
from market.simulator.symbols import Symbol

ZERO = Decimal(0)
TAKER_RATE = Decimal("0.0005")
MAKER_RATE = Decimal("0.0002")
# Share of the notional that must stay, and the most leverage, up to a notional in USDT.
BRACKETS = (
    (Decimal(50_000), 125, Decimal("0.004")),
    (Decimal(600_000), 100, Decimal("0.005")),
    (Decimal(3_000_000), 50, Decimal("0.01")),
    (Decimal(12_000_000), 20, Decimal("0.025")),
    (Decimal(70_000_000), 10, Decimal("0.05")),
    (Decimal(500_000_000), 5, Decimal("0.1")),
)
# A market order takes nothing beyond this share from the mark price.
MARKET_BOUND = Decimal("0.05")
CENTS = Decimal("0.00000001")


@dataclass(frozen=True)
class Terms:
    """The rules of one contract."""

    symbol: str
    tick: Decimal
    lowest: Decimal
    highest: Decimal
    step: Decimal
    least: Decimal
    most: Decimal
    most_market: Decimal
    notional: Decimal
    up: Decimal
    down: Decimal

    def check_price(self, price: Decimal, mark: Decimal, side: str) -> None:
        """Raise the exchange's error for a price that it would not take."""
        if price < self.lowest:
            raise ApiError(-4013, "Price less than min price.")
        if price > self.highest:
            raise ApiError(-4002, "Price greater than max price.")
        if price % self.tick:
            raise ApiError(-4014, "Price not increased by tick size.")
        if side == "BUY" and price > mark * self.up:
            raise ApiError(
                -4016, f"Limit price can't be higher than {_at(mark * self.up, self)}."
            )
        if side == "SELL" and price < mark * self.down:
            raise ApiError(
                -4024, f"Limit price can't be lower than {_at(mark * self.down, self)}."
            )

    def check_quantity(self, quantity: Decimal, *, market: bool) -> None:
        """Raise the exchange's error for a quantity that it would not take."""
        if quantity <= 0:
            raise ApiError(-4003, "Quantity less than or equal to zero.")
        if quantity < self.least:
            raise ApiError(-4004, "Quantity less than min quantity.")
        if quantity > (self.most_market if market else self.most):
            raise ApiError(-4005, "Quantity greater than max quantity.")
        if quantity % self.step:
            raise ApiError(
                -1111, "Precision is over the maximum defined for this asset."
            )

    def check_notional(self, worth: Decimal) -> None:
        """Raise the exchange's error for an order that is worth too little."""
        if worth < self.notional:
            raise ApiError(
                -4164,
                f"Order's notional must be no smaller than {self.notional} "
                "(unless you choose reduce only).",
            )


def _at(price: Decimal, terms: Terms) -> Decimal:
    return (price / terms.tick).to_integral_value(ROUND_DOWN) * terms.tick


def terms_of(symbol: Symbol) -> Terms:
    """Read the rules from the filters of the contract."""
    named: dict[str, dict[str, Any]] = {
        one["filterType"]: one for one in filters(symbol)
    }
    price, lot = named["PRICE_FILTER"], named["LOT_SIZE"]
    percent = named["PERCENT_PRICE"]
    return Terms(
        symbol=symbol.name,
        tick=Decimal(price["tickSize"]),
        lowest=Decimal(price["minPrice"]),
        highest=Decimal(price["maxPrice"]),
        step=Decimal(lot["stepSize"]),
        least=Decimal(lot["minQty"]),
        most=Decimal(lot["maxQty"]),
        most_market=Decimal(named["MARKET_LOT_SIZE"]["maxQty"]),
        notional=Decimal(named["MIN_NOTIONAL"]["notional"]),
        up=Decimal(percent["multiplierUp"]),
        down=Decimal(percent["multiplierDown"]),
    )


def cents(value: Decimal) -> Decimal:
    """Rounded to what wallets are kept in: eight digits after the point."""
    return value.quantize(CENTS)


def most_notional(leverage: int) -> Decimal:
    """The largest position that so much leverage is allowed for."""
    return max(cap for cap, most, _ in BRACKETS if leverage <= most)


def maintenance(notional: Decimal) -> Decimal:
    """Margin that a position of so much (unsigned) must keep, bracket by bracket."""
    needed, floor = ZERO, ZERO
    for cap, _, rate in BRACKETS:
        part = min(notional, cap) - floor
        if part <= 0:
            break
        needed += part * rate
        floor = cap
    return needed
