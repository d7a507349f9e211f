"""What forecasts would have earned: positions, fees, and the figures of a strategy.

Figures as in Stefaniuk and Ślepaczuk, "Informer in algorithmic investment strategies"
(arXiv 2503.18096), with one correction: a short earns -r. Booking a short bar as
(c_t - c_{t+1}) / c_{t+1} would add r^2 to each of them.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput

Floats = NDArray[np.float64]
FEE = 0.001
GRID = 8


@dataclass(frozen=True)
class Thresholds:
    """Long above ``enter_long``, short below ``enter_short``; a long ends below
    ``exit_long``, a short above ``exit_short``; else the position is held.
    """

    enter_long: float = 0.0
    exit_long: float = 0.0
    enter_short: float = 0.0
    exit_short: float = 0.0


@dataclass(frozen=True)
class Bars:
    """What is traded: rows of symbols and stretches one after the other, (rows,) each.

    ``returns`` of being long while ``times`` (ms) pass; rows of the same time happen at
    once. ``begins``: a stretch begins here, nothing is held before it. ``per_year``:
    bars of one symbol in a year.
    """

    returns: Floats
    times: NDArray[np.int64]
    begins: NDArray[np.bool_]
    per_year: float

    def __post_init__(self) -> None:
        if not len(self.returns):
            raise InvalidInput("returns", 0, "must have at least one bar")
        for name in ("times", "begins"):
            if len(getattr(self, name)) != len(self.returns):
                raise InvalidInput(
                    name, len(getattr(self, name)), "must be one per row"
                )

    @classmethod
    def single(cls, returns: Floats, *, per_year: float) -> "Bars":
        """Return one symbol without a gap."""
        count = len(returns)
        return cls(returns, np.arange(count), np.arange(count) == 0, per_year)

    @cached_property
    def moment(self) -> NDArray[np.intp]:
        """Number of each row's time among all different ones."""
        found: NDArray[np.intp] = np.unique(self.times, return_inverse=True)[1]
        return found

    @cached_property
    def beside(self) -> NDArray[np.int64]:
        """How many rows happen at each time."""
        return np.bincount(self.moment)

    def mean(self, values: Floats) -> Floats:
        """Return the mean over the rows of each time."""
        if len(self.beside) == len(values):
            found = np.empty(len(values))
            found[self.moment] = values
            return found
        mean: Floats = np.bincount(self.moment, weights=values) / self.beside
        return mean


@dataclass(frozen=True)
class Report:
    """Figures of one strategy over a time; returns and drawdown are shares.

    ``arc``: annual return compounded; ``asd``: annual standard deviation; ``ir``: arc /
    asd; ``ir2``: ir |arc| / max drawdown (the paper's IR**); ``turnover``: sum of |change
    of position| (a flip counts 2), the mean over symbols; ``bars``: different times; the
    rest are shares of rows.
    """

    final_value: float
    arc: float
    asd: float
    ir: float
    ir2: float
    max_drawdown: float
    turnover: float
    long_share: float
    short_share: float
    bars: int
    equity: Floats

    def figures(self) -> dict[str, float | int]:
        """Return everything but the curve."""
        return {k: v for k, v in vars(self).items() if k != "equity"}


def positions(
    forecast: Floats, thresholds: Thresholds, begins: NDArray[np.bool_] | None = None
) -> Floats:
    """Return 1, 0 or -1 per bar for forecasts (bars,); every stretch begins flat.

    The position is that of the last entry, unless its own exit came after it.
    """
    place = np.arange(len(forecast))
    long = forecast > thresholds.enter_long
    short = ~long & (forecast < thresholds.enter_short)
    entry = _last(long | short, place)
    if begins is not None:
        entry = np.where(entry < _last(begins, place), -1, entry)
    side = np.where(long, 1.0, -1.0)[np.maximum(entry, 0)]
    waiting = ~(long | short)
    leave_long = _last(waiting & (forecast < thresholds.exit_long), place)
    leave_short = _last(waiting & (forecast > thresholds.exit_short), place)
    left = np.where(side > 0, leave_long, leave_short) > entry
    return np.where((entry < 0) | left, 0.0, side)


def _last(where: NDArray[np.bool_], place: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for every bar the number of the last one that is marked, -1 before any."""
    found: NDArray[np.intp] = np.maximum.accumulate(np.where(where, place, -1))
    return found


def report(bars: Bars, position: Floats, *, fee: float = FEE) -> Report:
    """Return the figures of holding ``position`` (rows,) over the rows of ``bars``.

    ``position[t]`` is held while ``returns[t]`` happens; a row grows by
    (1 + position r)(1 - fee |change|), and what is held at the end of a stretch is
    closed. Symbols have equal weights at every time.
    """
    if len(bars.returns) != len(position):
        raise InvalidInput(
            "position", len(position), f"must be one per return ({len(bars.returns)})"
        )
    before = np.where(bars.begins, 0.0, np.concatenate(([0.0], position[:-1])))
    ends = np.concatenate((bars.begins[1:], [True]))
    opened = np.abs(position - before)
    closed = np.where(ends, np.abs(position), 0.0)
    factors = (1 + position * bars.returns) * (1 - fee * opened) * (1 - fee * closed)
    growth = bars.mean(np.maximum(factors, 0.0)) - 1
    turnover = float(bars.mean(opened + closed).sum())
    return _figures(growth, position, turnover, bars.per_year)


def _figures(
    growth: Floats, position: Floats, turnover: float, bars_per_year: float
) -> Report:
    count = len(growth)
    equity: Floats = np.multiply.accumulate(1 + growth)
    final = float(equity[-1])
    arc = _compounded(final, bars_per_year / count)
    asd = float(growth.std(ddof=1)) * math.sqrt(bars_per_year) if count > 1 else 0.0
    peak = np.maximum.accumulate(np.concatenate(([1.0], equity)))[1:]
    drawdown = float((1 - equity / peak).max())
    ir = arc / asd if asd > 0 else 0.0
    return Report(
        final_value=final,
        arc=arc,
        asd=asd,
        ir=ir,
        ir2=ir * abs(arc) / drawdown if drawdown > 0 else 0.0,
        max_drawdown=drawdown,
        turnover=turnover,
        long_share=float((position > 0).mean()),
        short_share=float((position < 0).mean()),
        bars=count,
        equity=equity,
    )


def _compounded(value: float, power: float) -> float:
    """Return value^power - 1; very short lucky times are cut off at e^300."""
    if value <= 0:
        return -1.0
    return math.expm1(min(math.log(value) * power, 300.0))


def choose_thresholds(forecast: Floats, bars: Bars, *, fee: float = FEE) -> Thresholds:
    """Return the thresholds with the best IR** on validation bars.

    A grid of quantiles of the forecasts for entering (8 x 8), and for leaving half of
    the entry or 0. Where nothing earns, never to trade is the choice.
    """
    best, chosen = 0.0, Thresholds(math.inf, math.inf, -math.inf, -math.inf)
    above = _levels(forecast[forecast > 0])
    below = _levels(-forecast[forecast < 0])
    for high, low, share in itertools.product(above, below, (0.0, 0.5)):
        tried = Thresholds(high, share * high, -low, -share * low)
        place = positions(forecast, tried, bars.begins)
        found = report(bars, place, fee=fee)
        if found.ir2 > best and found.arc > 0:
            best, chosen = found.ir2, tried
    return chosen


def _levels(values: Floats) -> list[float]:
    if not len(values):
        return [math.inf]
    shares = np.linspace(0, 0.98, GRID)
    return [*np.unique(np.quantile(values, shares)).tolist(), math.inf]


def baselines(bars: Bars, earlier: Floats, *, fee: float = FEE) -> dict[str, Report]:
    """Return the reports of strategies that need no model, over the same bars.

    ``earlier`` (rows,): the return of the bar before each one. ``sign`` follows it,
    ``persistence`` expects it again only where it pays the fees of a round trip.
    """
    dear = np.abs(earlier) > 2 * fee
    made = {
        "buy_and_hold": np.ones(len(earlier)),
        "flat": np.zeros(len(earlier)),
        "sign": np.sign(earlier),
        "persistence": np.where(dear, np.sign(earlier), 0.0),
    }
    return {name: report(bars, place, fee=fee) for name, place in made.items()}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return mean, least and most over seeds, and the standard error of the mean."""
    found = np.asarray(values, dtype=np.float64)
    error = found.std(ddof=1) / math.sqrt(len(found)) if len(found) > 1 else math.nan
    return {
        "mean": float(found.mean()),
        "minimum": float(found.min()),
        "maximum": float(found.max()),
        "standard_error": float(error),
    }


def thinned(equity: Floats, most: int = 500) -> list[float]:
    """Return at most so many points of a curve, the last one among them."""
    if len(equity) <= most:
        kept: list[Any] = equity.tolist()
        return kept
    at = np.unique(np.linspace(0, len(equity) - 1, most).astype(int))
    kept = equity[at].tolist()
    return kept
