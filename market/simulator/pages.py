"""The current minute of all symbols as matrices, so that a tick is a few array operations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.simulator.hashing import Ints
from market.simulator.intervals import MINUTE
from market.simulator.symbols import Symbol
from market.simulator.trades import (
    CLOSE,
    COLUMNS,
    HIGH,
    LOW,
    OPEN,
    TAKER_VALUE,
    TAKER_VOLUME,
    VALUE,
    VOLUME,
    TradeTape,
)

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Page:
    """One minute; rows are symbols by rank, columns trades (padded to the longest)."""

    minute: int
    first_ids: Ints  # [n]
    times: Ints  # [n, T], padded with "never"
    prices: Ints  # [n, T]
    quantities: Ints  # [n, T]
    makers: npt.NDArray[np.bool_]  # [n, T]
    bids: Ints  # [n, T]
    running: Ints  # [n, T, COLUMNS] the bar of the minute after each trade
    lengths: Ints  # [n] trades in the minute

    def counts_at(self, time_ms: int) -> Ints:
        """Trades of each symbol up to and including the instant."""
        if time_ms >= (self.minute + 1) * MINUTE:
            return self.lengths
        result: Ints = (self.times <= time_ms).sum(axis=1)
        return result

    def last_of(self, matrix: Ints, counts: Ints) -> Ints:
        """The entry of the last of ``counts`` trades; meaningless where that is 0."""
        result: Ints = matrix[np.arange(len(counts)), np.maximum(counts - 1, 0)]
        return result


def make_page(tape: TradeTape, symbols: Sequence[Symbol], minute: int) -> Page:
    width = max(symbol.trades_per_minute for symbol in symbols)
    shape = (len(symbols), width)
    times = np.full(shape, _NEVER, dtype=np.int64)
    prices, quantities, bids = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    makers = np.zeros(shape, dtype=np.bool_)
    lengths = np.array([symbol.trades_per_minute for symbol in symbols])
    first_ids = np.empty(len(symbols), dtype=np.int64)
    for symbol in symbols:
        row, trades = symbol.rank, tape.minute(symbol, minute)
        length = len(trades.times)
        first_ids[row] = trades.first_id
        times[row, :length] = trades.times
        prices[row, :length] = trades.prices
        quantities[row, :length] = trades.quantities
        makers[row, :length] = trades.buyer_is_maker
        bids[row, :length] = trades.bids
    return Page(
        minute=minute,
        first_ids=first_ids,
        times=times,
        prices=prices,
        quantities=quantities,
        makers=makers,
        bids=bids,
        running=running_bars(prices, quantities, makers),
        lengths=lengths,
    )


def running_bars(prices: Ints, quantities: Ints, makers: npt.NDArray[np.bool_]) -> Ints:
    """[n, T, COLUMNS]: the bar of trades 0..i for every i (zero-quantity padding last)."""
    running = np.empty((*prices.shape, COLUMNS), dtype=np.int64)
    taken = np.where(makers, 0, quantities)
    running[..., OPEN] = prices[:, :1]
    running[..., HIGH] = np.maximum.accumulate(prices, axis=1)
    running[..., LOW] = np.minimum.accumulate(prices, axis=1)
    running[..., CLOSE] = prices
    running[..., VOLUME] = np.cumsum(quantities, axis=1)
    running[..., VALUE] = np.cumsum(prices * quantities, axis=1)
    running[..., TAKER_VOLUME] = np.cumsum(taken, axis=1)
    running[..., TAKER_VALUE] = np.cumsum(prices * taken, axis=1)
    return running
