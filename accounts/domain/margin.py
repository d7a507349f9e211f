"""What an account can still bind, from what it holds and has open. Pure.

The exchange tells what is free only when it is asked; between two questions fills and
orders have changed it. This counts it anew, rather too little than too much: profit that
is not realised does not count, a loss does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from accounts.domain.rules import ZERO


@dataclass(frozen=True)
class Bound:
    """A position, or an order that opens. ``notional``: what is held or left to fill,
    unsigned, at its own price; ``isolated``: margin that was put aside for it.
    """

    notional: Decimal
    leverage: int
    profit: Decimal = ZERO
    isolated: Decimal = ZERO


def free_margin(wallet: Decimal, bound: Iterable[Bound]) -> Decimal:
    """Return what new orders can bind, not below 0."""
    found = list(bound)
    used = sum(
        (max(one.notional / max(one.leverage, 1), one.isolated) for one in found), ZERO
    )
    profit = sum((one.profit for one in found), ZERO)
    return max(wallet + min(profit, ZERO) - used, ZERO)
