"""What an exchange demands of an order of one symbol (filters of ``exchangeInfo``)."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from core.errors import InvalidInput

ZERO = Decimal(0)
# More than any price, quantity or sum of money is.
BELOW = Decimal(10**15)


@dataclass(frozen=True)
class SymbolRules:
    """Steps and bounds of prices and quantities; 0 means that there is no such rule.

    ``min_notional`` is in the quote asset and does not bind orders that only reduce.
    """

    symbol: str
    tick: Decimal
    step: Decimal
    min_quantity: Decimal = ZERO
    max_quantity: Decimal = ZERO
    min_notional: Decimal = ZERO

    def __post_init__(self) -> None:
        for name in ("tick", "step", "min_quantity", "max_quantity", "min_notional"):
            value = getattr(self, name)
            if not value.is_finite() or value < 0:
                raise InvalidInput(name, value, "must be a finite number, 0 or more")

    def quantity_down(self, quantity: Decimal) -> Decimal:
        """Return the largest quantity on the step grid that is not above this one."""
        return _on_grid(quantity, self.step, ROUND_DOWN)

    def price_near(self, price: Decimal) -> Decimal:
        """Return the nearest price on the tick grid."""
        return _on_grid(price, self.tick, ROUND_HALF_UP)

    def smallest(self, price: Decimal, *, reduce_only: bool) -> Decimal:
        """Return the smallest quantity an order may have at this price."""
        least = max(self.min_quantity, self.step)
        if reduce_only or not self.min_notional or not price:
            return least
        wanted = self.min_notional / price
        on_grid = self.quantity_down(wanted)
        if on_grid * price < self.min_notional:
            on_grid += self.step or wanted - on_grid
        return max(least, on_grid)

    def check(self, quantity: Decimal, price: Decimal, *, reduce_only: bool) -> None:
        """Raise ``InvalidInput`` for a quantity or price the exchange would refuse."""
        if not quantity.is_finite() or quantity <= 0:
            raise InvalidInput("quantity", quantity, "must be a finite number above 0")
        if not price.is_finite() or price <= 0:
            raise InvalidInput("price", price, "must be a finite number above 0")
        if self.quantity_down(quantity) != quantity:
            raise InvalidInput(
                "quantity", quantity, f"must be a multiple of {self.step}"
            )
        if _on_grid(price, self.tick, ROUND_DOWN) != price:
            raise InvalidInput("price", price, f"must be a multiple of {self.tick}")
        if quantity < self.min_quantity:
            raise InvalidInput(
                "quantity", quantity, f"must be {self.min_quantity} or more"
            )
        if self.max_quantity and quantity > self.max_quantity:
            raise InvalidInput(
                "quantity", quantity, f"must be {self.max_quantity} or less"
            )
        if not reduce_only and quantity * price < self.min_notional:
            raise InvalidInput(
                "quantity",
                quantity,
                f"is worth {quantity * price} at {price}; the least is {self.min_notional}",
            )


def _on_grid(value: Decimal, grid: Decimal, rounding: str) -> Decimal:
    if not grid:
        return value
    return (value / grid).to_integral_value(rounding) * grid
