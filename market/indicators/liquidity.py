"""Liquidity: stop orders that rest beyond swings, and bars that took them.

Our definition of the terms of M. J. Huddleston:

* A confirmed swing high is *untouched* until a later high is above it.
* *Equal highs*: two untouched swing highs at most ``equal_atr`` ATR apart (ATR of the
  bar that confirms the newer one). They are known from that bar on, and gone when a
  high is above both or ``zone_bars`` have passed.
* *Highs swept*: the first bar above an untouched swing high closes at or below it. A
  close above is a break, not a sweep. A swing is forgotten after ``zone_bars``.

Lows mirrored. The context of a bar is the newest sweep of the last ``sweep_bars`` bars
(both, when one bar swept both sides), else the equal swings that are there, else none.
"""

import numpy as np

from market.indicators.bars import Bars
from market.indicators.config import IndicatorConfig
from market.indicators.swings import Swings
from market.indicators.types import Codes, Flags, Floats, Ints
from market.indicators.zones import count_open, ends_above

LIQUIDITY = {
    0: "none",
    1: "equal_highs",
    2: "equal_lows",
    3: "equal_highs_and_lows",
    4: "highs_swept",
    5: "lows_swept",
    6: "both_swept",
}
LONG_AGO = -(10**9)


def find_liquidity(
    bars: Bars, swings: Swings, atr: Floats, config: IndicatorConfig
) -> Codes:
    """Return the context (``LIQUIDITY``) of every bar of the first series."""
    high, low, close = bars.high[:, 0], bars.low[:, 0], bars.close[:, 0]
    tolerance = atr * config.equal_atr
    equal_highs, highs_swept = _side(high, close, swings.highs, tolerance, config)
    equal_lows, lows_swept = _side(-low, -close, -swings.lows, tolerance, config)
    at = np.arange(len(close))
    highs_at, lows_at = _newest(highs_swept), _newest(lows_swept)
    recent = np.maximum(highs_at, lows_at) > at - config.sweep_bars
    swept = np.select([highs_at > lows_at, highs_at < lows_at], [4, 5], 6)
    equal = (equal_highs > 0) + 2 * (equal_lows > 0)
    return np.where(recent, swept, equal).astype(np.int8)


def _side(
    high: Floats,
    close: Floats,
    confirmed: Floats,
    tolerance: Floats,
    config: IndicatorConfig,
) -> tuple[Ints, Flags]:
    """Return per bar the pairs of equal highs and whether it swept a high."""
    starts = np.flatnonzero(~np.isnan(confirmed))
    levels, life = confirmed[starts], config.zone_bars
    ends = ends_above(high, starts, levels, life)
    swept = np.zeros(len(high), bool)
    taken = ends[(ends < len(high)) & (ends < starts + life)]
    level = levels[(ends < len(high)) & (ends < starts + life)]
    swept[taken[close[taken] <= level]] = True

    older, newer = np.triu_indices(len(starts), 1)
    near = np.abs(levels[older] - levels[newer]) <= tolerance[starts[newer]]
    near &= ends[older] > starts[newer]
    pairs, tops = starts[newer[near]], np.maximum(levels[older], levels[newer])[near]
    return count_open(pairs, ends_above(high, pairs, tops, life), len(high)), swept


def _newest(flags: Flags) -> Ints:
    """Per bar, the newest bar so far with the flag."""
    at = np.arange(len(flags))
    newest: Ints = np.maximum.accumulate(np.where(flags, at, LONG_AGO))
    return newest
