"""Which part of an order the book takes now. The book is not moved by our orders."""

from collections.abc import Iterable
from decimal import Decimal

from market.simulator.accounts.terms import ZERO

Level = tuple[Decimal, Decimal]


def walk(
    side: str, quantity: Decimal, levels: Iterable[Level], bound: Decimal
) -> list[Level]:
    """Fills (price, quantity) up to the bound; ``levels`` are the other side's."""
    found: list[Level] = []
    left = quantity
    for price, offered in levels:
        if left <= 0 or (price > bound if side == "BUY" else price < bound):
            break
        taken = min(left, offered)
        if taken > 0:
            found.append((price, taken))
            left -= taken
    return found


def crosses(side: str, price: Decimal, best: Decimal) -> bool:
    """Whether a limit order meets the other side's best price."""
    return price >= best if side == "BUY" else price <= best


def together(fills: Iterable[Level]) -> Decimal:
    """Quantity of all fills."""
    return sum((quantity for _, quantity in fills), ZERO)
