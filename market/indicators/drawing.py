"""Zones of prices as a chart draws them: fair value gaps and order blocks."""

from typing import Any, Literal, NamedTuple

from market.indicators.bars import Bars
from market.indicators.config import IndicatorConfig
from market.indicators.fair_value_gaps import find_gaps
from market.indicators.market_structure import find_structure
from market.indicators.order_blocks import find_order_blocks
from market.indicators.swings import find_swings
from market.indicators.zones import Zones

Kind = Literal["fair_value_gap", "order_block"]
Side = Literal["bullish", "bearish"]


class DrawnZone(NamedTuple):
    """``since``: time of the bar it stands at; ``until``: of the bar where it ended,
    None while it is open.
    """

    kind: Kind
    side: Side
    since: int
    until: int | None
    low: float
    high: float


def zones_of(bars: Bars, config: IndicatorConfig) -> list[DrawnZone]:
    """Return every zone of the first series, also those that have ended."""
    high, low, close = bars.high[:, 0], bars.low[:, 0], bars.close[:, 0]
    structure = find_structure(close, find_swings(high, low, config.swing_bars))
    gaps = find_gaps(high, low, config.zone_bars)
    blocks = find_order_blocks(bars, structure, config.zone_bars)
    return [
        *_drawn("fair_value_gap", "bullish", gaps[0], bars),
        *_drawn("fair_value_gap", "bearish", gaps[1], bars),
        *_drawn("order_block", "bullish", blocks[0], bars),
        *_drawn("order_block", "bearish", blocks[1], bars),
    ]


def _drawn(kind: Kind, side: Side, zones: Zones, bars: Bars) -> list[DrawnZone]:
    times = bars.times.tolist()
    columns: list[list[Any]] = [
        values.tolist() for values in (zones.stands, zones.ends, zones.low, zones.high)
    ]
    return [
        DrawnZone(
            kind,
            side,
            times[stands],
            times[ends] if ends < len(times) else None,
            *edges,
        )
        for stands, ends, *edges in zip(*columns, strict=True)
    ]
