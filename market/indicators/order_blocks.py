"""Order blocks: the last opposite bar before a move that broke the structure.

Our definition: when a bar breaks the structure upwards, the newest bar before it with
a close below its open, not older than the broken swing, is a bullish order block. Its
zone is that bar's low to high. It is known from the breaking bar on, and open until a
bar closes below the zone or ``zone_bars`` have passed. Mirrored for bearish blocks. A
bar is a block once, however many breaks lead back to it.
"""

from typing import NamedTuple

import numpy as np

from market.indicators.bars import Bars
from market.indicators.market_structure import MarketStructure
from market.indicators.types import Flags, Floats, Ints
from market.indicators.zones import Zones, ends_below


class BlockCounts(NamedTuple):
    """Open order blocks per bar."""

    bullish: Ints
    bearish: Ints


def count_order_blocks(
    bars: Bars, structure: MarketStructure, life: int
) -> BlockCounts:
    """Return the counts of the first series of ``bars``."""
    bullish, bearish = find_order_blocks(bars, structure, life)
    return BlockCounts(bullish.open_per_bar(len(bars)), bearish.open_per_bar(len(bars)))


def find_order_blocks(
    bars: Bars, structure: MarketStructure, life: int
) -> tuple[Zones, Zones]:
    """Return the bullish and the bearish blocks of the first series of ``bars``."""
    opened, close = bars.open[:, 0], bars.close[:, 0]
    high, low = bars.high[:, 0], bars.low[:, 0]
    events, origins = structure.events, structure.origins
    bullish = _blocks(close < opened, events > 0, origins, (low, high, close), life)
    bearish = _blocks(close > opened, events < 0, origins, (-high, -low, -close), life)
    return bullish, bearish.mirrored()


def _blocks(
    opposite: Flags,
    breaks: Flags,
    origins: Ints,
    prices: tuple[Floats, Floats, Floats],
    life: int,
) -> Zones:
    """Prices are (far edge of a block, near edge, close), all seen from below."""
    edges, tops, close = prices
    bars = np.arange(len(close))
    newest = np.maximum.accumulate(np.where(opposite, bars, -1))
    starts = np.flatnonzero(breaks)
    starts = starts[starts > 0]
    blocks = newest[starts - 1]
    inside = blocks >= origins[starts]
    starts, blocks = starts[inside], blocks[inside]
    # Breaks come in order of time: the first one that leads to a bar makes the block.
    blocks, first = np.unique(blocks, return_index=True)
    starts = starts[first]
    ends = ends_below(close, starts, edges[blocks], life)
    return Zones(blocks, starts, ends, edges[blocks], tops[blocks])
