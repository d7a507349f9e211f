"""Equity of accounts at moments, one by one and together. Pure, exact."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from accounts.domain.performance import Equity
from accounts.domain.rules import ZERO

# What moves money without trading; everything else that is paid is a result.
TRANSFERS = frozenset(
    {
        "TRANSFER",
        "INTERNAL_TRANSFER",
        "CROSS_COLLATERAL_TRANSFER",
        "COIN_SWAP_DEPOSIT",
        "COIN_SWAP_WITHDRAW",
        "STRATEGY_UMFUTURES_TRANSFER",
        "WELCOME_BONUS",
        "DEPOSIT",
        "WITHDRAW",
    }
)


def with_flows(
    values: Iterable[tuple[int, Decimal]], transfers: Iterable[tuple[int, Decimal]]
) -> list[Equity]:
    """Return equity with what was paid in or out since the value before; both are
    (ms, amount), the first value has none.
    """
    moved = sorted(transfers)
    found: list[Equity] = []
    next_one = 0
    for at, value in sorted(values):
        flow = ZERO
        while next_one < len(moved) and moved[next_one][0] <= at:
            if found:
                flow += moved[next_one][1]
            next_one += 1
        found.append(Equity(at, value, flow))
    return found


def together(curves: Iterable[Sequence[Equity]]) -> list[Equity]:
    """Return the sum of several accounts at every moment that one of them has.

    Between its own moments an account keeps its last value; what it brings when it
    joins is money paid in.
    """
    news = sorted(
        ((one.at, number, one) for number, curve in enumerate(curves) for one in curve),
        key=lambda item: item[:2],
    )
    last: dict[int, Decimal] = {}
    total = flow = ZERO
    found: list[Equity] = []
    for position, (at, number, one) in enumerate(news):
        flow += one.flow if number in last else one.value
        total += one.value - last.get(number, ZERO)
        last[number] = one.value
        if position + 1 == len(news) or news[position + 1][0] != at:
            found.append(Equity(at, total, flow if found else ZERO))
            flow = ZERO
    return found
