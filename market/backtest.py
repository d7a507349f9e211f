"""The scanner over stored history, bar by bar, without looking ahead."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from market.domain.candles import INTERVAL_MS
from market.indicators import EliteTechnicalEngine
from market.scanner.factors import factors_of
from market.scanner.history import History
from market.scanner.inputs import ScanInputs
from market.scanner.outcomes import HORIZONS, Fees, net_return
from market.scanner.score import score_of
from market.scanner.weights import Weights

# Live, a score is made of so many bars; before that EMA and ADX have not settled.
WINDOW = 500
# Bars computed with one call of the engine, after a window of warm-up.
CHUNK = 1_500

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Scored:
    """A bar's score and what the price did afterwards; ``returns`` are gross."""

    index: int
    time: int
    price: float
    score: float
    direction: str
    factors: dict[str, float]
    returns: dict[int, float]


@dataclass
class Run:
    """One strategy over a time: net returns of its trades in order, one at a time.

    ``prices`` of a position that was never left, for what it lost on the way.
    """

    returns: list[float] = field(default_factory=list)
    fees: float = 0.0
    prices: list[float] = field(default_factory=list)

    @property
    def total(self) -> float:
        """Compounded."""
        return float(np.prod([1.0 + r for r in self.returns]) - 1.0)

    @property
    def drawdown(self) -> float:
        """Largest fall of the equity from its highest point so far, as a share.

        Looked at when a trade ends; with ``prices`` at every bar.
        """
        equity = np.cumprod([1.0, *(1.0 + r for r in self.returns)])
        if self.prices:
            equity = np.array(self.prices)
        return float((1.0 - equity / np.maximum.accumulate(equity)).max())


def scored_bars(
    history: History,
    interval: str,
    *,
    engine: EliteTechnicalEngine,
    weights: Weights,
    progress: Progress = lambda bars: None,
) -> Iterator[Scored]:
    """Yield every bar from the 500th on of each stretch without a gap.

    What history does not hold (quotes, funding, premium, forecast) is unknown.
    """
    step = INTERVAL_MS[interval]
    for start, end in history.stretches(step):
        for begin in range(start + WINDOW - 1, end, CHUNK):
            stop = min(end, begin + CHUNK)
            yield from _chunk(history, start, begin, stop, end, engine, weights)
            progress(stop)


def _chunk(
    history: History,
    start: int,
    begin: int,
    stop: int,
    end: int,
    engine: EliteTechnicalEngine,
    weights: Weights,
) -> Iterator[Scored]:
    """Score the bars from ``begin`` to before ``stop`` of a stretch."""
    low = max(start, begin - WINDOW + 1)
    part = history.slice(low, stop)
    found = engine.calculate_bars(part.bars("backtest"))[0]
    for index in range(begin, stop):
        at = index - low
        inputs = ScanInputs(
            found.at(at),
            volume=float(part.volume[at]),
            taker_base=_known(part.taker_base, at, part.volume),
        )
        factors = factors_of(inputs)
        score = score_of(factors, weights)
        price = float(part.close[at])
        yield Scored(
            index=index,
            time=int(part.times[at]),
            price=price,
            score=score.score,
            direction=score.direction,
            factors={f.name: f.value for f in factors if f.value is not None},
            returns={
                n: float(history.close[index + n]) / price - 1.0
                for n in HORIZONS
                if index + n < end
            },
        )


def _known(taker: np.ndarray, at: int, volume: np.ndarray) -> float | None:
    """Files without the takers' share hold zeros: that is unknown, not "nobody"."""
    return None if not taker.any() and volume.any() else float(taker[at])


def trades(bars: list[Scored], *, horizon: int, min_score: float, fees: Fees) -> Run:
    """Take every signal while no position is open, and hold it for ``horizon`` bars."""
    run, free_from = Run(), 0
    for bar in bars:
        if bar.index < free_from or bar.direction == "flat":
            continue
        if bar.score < min_score or horizon not in bar.returns:
            continue
        leave = bar.price * (1.0 + bar.returns[horizon])
        run.returns.append(net_return(bar.direction, bar.price, leave, fees))
        run.fees += fees.round_trip
        free_from = bar.index + horizon
    return run


def always_long(bars: list[Scored], fees: Fees) -> Run:
    """Buy at the first bar, sell at the last one."""
    if not bars:
        return Run()
    won = net_return("long", bars[0].price, bars[-1].price, fees)
    return Run([won], fees.round_trip, [bar.price for bar in bars])
