"""Features of the Inner Circle Trader school, each defined in its own module."""

from dataclasses import dataclass, fields

import numpy as np

from market.indicators.bars import Bars
from market.indicators.config import IndicatorConfig
from market.indicators.fair_value_gaps import count_gaps
from market.indicators.liquidity import find_liquidity
from market.indicators.market_structure import find_structure
from market.indicators.order_blocks import count_order_blocks
from market.indicators.swings import find_swings
from market.indicators.types import Codes, Floats, Ints


@dataclass(frozen=True, eq=False)
class StructureFeatures:
    """One value per bar, known at its close. See ``market_structure``,
    ``order_blocks``, ``fair_value_gaps`` and ``liquidity`` for the meanings.
    """

    market_structure: Codes
    structure_event: Codes
    bullish_order_blocks: Ints
    bearish_order_blocks: Ints
    bullish_gaps: Ints
    bearish_gaps: Ints
    liquidity_context: Codes


FEATURES = tuple(item.name for item in fields(StructureFeatures))


def structure_features(
    bars: Bars, atr: Floats, config: IndicatorConfig
) -> StructureFeatures:
    """Return the features of the first series of ``bars``; ``atr`` is that series'."""
    high, low, close = bars.high[:, 0], bars.low[:, 0], bars.close[:, 0]
    swings = find_swings(high, low, config.swing_bars)
    structure = find_structure(close, swings)
    blocks = count_order_blocks(bars, structure, config.zone_bars)
    gaps = count_gaps(high, low, config.zone_bars)
    return StructureFeatures(
        market_structure=structure.directions,
        structure_event=structure.events,
        bullish_order_blocks=blocks.bullish,
        bearish_order_blocks=blocks.bearish,
        bullish_gaps=gaps.bullish,
        bearish_gaps=gaps.bearish,
        liquidity_context=find_liquidity(bars, swings, np.asarray(atr), config),
    )
