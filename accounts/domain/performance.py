"""How an account, a group or all of them did: from equity and closed trades."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from accounts.domain.rules import ZERO

DAY_MS = 86_400_000
DAYS_A_YEAR = 365


@dataclass(frozen=True)
class Equity:
    """Equity at a moment (ms since the epoch); ``flow``: money paid in (or out, below
    0) since the one before, which is not a profit.
    """

    at: int
    value: Decimal
    flow: Decimal = ZERO


@dataclass(frozen=True)
class Performance:
    """Numbers of a period; None where too little is known to say.

    ``win_rate``: share of closed trades that earned after fees; ``profit_factor``: sum
    of gains over sum of losses, None without a loss; ``sharpe``: mean over standard
    deviation (n - 1) of daily returns times sqrt(365), None below 2 days;
    ``max_drawdown``: largest fall below an earlier peak as a share of it. Returns are
    chained over the snapshots, so that payments neither help nor hurt.
    """

    trades: int
    net_profit: Decimal
    win_rate: float | None
    profit_factor: float | None
    total_return: float | None
    sharpe: float | None
    max_drawdown: float | None
    curve: tuple[tuple[int, float], ...]


def performance(
    equity: Iterable[Equity], trades: Iterable[Decimal] = ()
) -> Performance:
    """Return the numbers; ``trades`` are the net profits of closed trades."""
    results = list(trades)
    gains = sum((one for one in results if one > 0), ZERO)
    losses = -sum((one for one in results if one < 0), ZERO)
    won = sum(one > 0 for one in results)
    curve = growth(sorted(equity, key=lambda one: one.at))
    return Performance(
        trades=len(results),
        net_profit=sum(results, ZERO),
        win_rate=won / len(results) if results else None,
        profit_factor=float(gains / losses) if losses else None,
        total_return=curve[-1][1] - 1 if curve else None,
        sharpe=_sharpe(_daily(curve)),
        max_drawdown=drawdown([value for _, value in curve]) if curve else None,
        curve=tuple(curve),
    )


def growth(equity: Sequence[Equity]) -> list[tuple[int, float]]:
    """Return (time, factor) since the first snapshot that has money, payments removed.

    A payment counts as made just before the snapshot that tells it. After a total loss
    the factor stays 0.
    """
    curve: list[tuple[int, float]] = []
    factor, before = 1.0, ZERO
    for one in equity:
        if before > 0:
            factor *= max(float((one.value - one.flow) / before), 0.0)
        if before > 0 or one.value > 0:
            curve.append((one.at, factor))
        before = one.value
    return curve


def drawdown(values: Iterable[float]) -> float:
    """Return the largest fall below an earlier peak as a share of the peak (0 to 1)."""
    peak = worst = 0.0
    for value in values:
        peak = max(peak, value)
        if peak > 0:
            worst = max(worst, (peak - value) / peak)
    return worst


def _daily(curve: Sequence[tuple[int, float]]) -> list[float]:
    """Returns between the last values of successive UTC days that have one."""
    last: dict[int, float] = {}
    for at, value in curve:
        last[at // DAY_MS] = value
    values = [last[day] for day in sorted(last)]
    return [
        after / before - 1 for before, after in itertools.pairwise(values) if before > 0
    ]


def _sharpe(returns: Sequence[float]) -> float | None:
    if len(returns) < 2:
        return None
    mean = math.fsum(returns) / len(returns)
    variance = math.fsum((one - mean) ** 2 for one in returns) / (len(returns) - 1)
    if variance <= 0:
        return None
    return mean / math.sqrt(variance) * math.sqrt(DAYS_A_YEAR)
