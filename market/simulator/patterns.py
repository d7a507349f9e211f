"""How the trades of a minute look: 256 patterns per symbol class, drawn once from the seed.

A minute has ``moves`` stretches of equal length with a constant best bid and ask, and
``trades`` trades spread evenly over the stretches. A pattern says of each trade: taker
side, relative size, offset in time; and how the price wanders inside the minute. A trade
is at the bid when the taker sells, at the ask when the taker buys, so all sums of a minute
are closed forms of the pattern's own sums, and bars of months need no single trade.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from market.simulator.hashing import Floats, Ints, key

COUNT = 256
MEAN_WEIGHT = 7.0


@dataclass(frozen=True, eq=False)
class Patterns:
    """Arrays of ``COUNT`` rows. ``T`` trades, ``M`` moves a minute.

    Ordered by the share of taker buys, so that a rising minute can pick a buying one.
    """

    trades: int
    moves: int
    buys: npt.NDArray[np.bool_]  # [COUNT, T] taker buys
    weights: Ints  # [COUNT, T] relative sizes, at least 1
    offsets: Floats  # [COUNT, T] rising, in [0, 1) of the minute
    shapes: Floats  # [COUNT, M] deviation from the straight line, in minute sigmas
    move_weight: Ints  # [COUNT, M]
    move_buy_weight: Ints  # [COUNT, M]
    has_buy: npt.NDArray[np.bool_]  # [COUNT, M]
    has_sell: npt.NDArray[np.bool_]  # [COUNT, M]

    @property
    def per_move(self) -> int:
        return self.trades // self.moves


@lru_cache(maxsize=32)
def draw_patterns(seed: int, trades: int, moves: int) -> Patterns:
    draw = np.random.Generator(np.random.PCG64(key(seed, "patterns", trades, moves)))
    share = np.linspace(0.25, 0.75, COUNT)
    buys = draw.random((COUNT, trades)) < share[:, None]
    sizes = np.exp(draw.standard_normal((COUNT, trades)) * 1.1) * 4.0
    weights = np.clip(sizes.astype(np.int64), 1, 300)
    balance = (np.where(buys, weights, -weights)).sum(axis=1)
    order = np.argsort(balance, kind="stable")
    buys, weights = buys[order], weights[order]
    slots = np.arange(trades) + 0.02 + 0.96 * draw.random((COUNT, trades))
    by_move = (COUNT, moves, trades // moves)
    move_buys = buys.reshape(by_move)
    move_weights = weights.reshape(by_move)
    return Patterns(
        trades=trades,
        moves=moves,
        buys=buys,
        weights=weights,
        offsets=slots / trades,
        shapes=_shapes(draw, moves),
        move_weight=move_weights.sum(axis=2),
        move_buy_weight=np.where(move_buys, move_weights, 0).sum(axis=2),
        has_buy=np.asarray(move_buys.any(axis=2)),
        has_sell=np.asarray(~move_buys.all(axis=2)),
    )


def _shapes(draw: np.random.Generator, moves: int) -> Floats:
    """Brownian bridges over one minute, seen at the beginning of each move."""
    walk = np.cumsum(draw.standard_normal((COUNT, moves)), axis=1) / np.sqrt(moves)
    start = np.concatenate((np.zeros((COUNT, 1)), walk[:, :-1]), axis=1)
    line = walk[:, -1:] * np.arange(moves) / moves
    result: Floats = start - line
    return result
