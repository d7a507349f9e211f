"""What the values say, as small whole numbers per bar and their names.

Differences below ``FLAT`` of the price are rounding, not a signal.
"""

import numpy as np

from market.indicators.config import IndicatorConfig
from market.indicators.types import Codes, Floats

FLAT = 1e-9

DIRECTIONS = {-1: "bearish", 0: "neutral", 1: "bullish"}
RSI_SIGNALS = {-1: "oversold", 0: "neutral", 1: "overbought"}
CROSSES = {-1: "bearish", 0: "none", 1: "bullish"}
ADX_GRADES = {0: "weak", 1: "moderate", 2: "strong", 3: "very_strong"}


def ema_trends(fast: Floats, slow: Floats) -> Codes:
    """Bullish: the fast average is above the slow one; bearish: below."""
    return _signs(fast - slow, slow)


def rsi_signals(rsi: Floats, config: IndicatorConfig) -> Codes:
    """Overbought from ``rsi_overbought`` on, oversold down from ``rsi_oversold``."""
    high, low = rsi >= config.rsi_overbought, rsi <= config.rsi_oversold
    return high.astype(np.int8) - low.astype(np.int8)


def macd_crosses(histogram: Floats, price: Floats) -> Codes:
    """Bullish on the bar whose histogram turns from below to above 0; mirrored.

    A histogram that only touches 0 has not crossed.
    """
    signs = _signs(histogram, price)
    bars = np.arange(len(signs)).reshape(-1, *(1,) * (signs.ndim - 1))
    last = np.maximum.accumulate(np.where(signs != 0, bars, 0), axis=0)
    sides = np.take_along_axis(signs, last, axis=0)
    crosses = np.zeros_like(signs)
    crosses[1:] = np.where(sides[1:] * sides[:-1] < 0, sides[1:], 0)
    return crosses


def adx_grades(adx: Floats, config: IndicatorConfig) -> Codes:
    """How many of the three thresholds ADX reaches; weak below the first."""
    limits = (config.adx_moderate, config.adx_strong, config.adx_very_strong)
    grades = np.zeros(adx.shape, np.int8)
    for limit in limits:
        grades += adx >= limit
    return grades


def _signs(values: Floats, price: Floats) -> Codes:
    above, below = values > FLAT * price, values < -FLAT * price
    return above.astype(np.int8) - below.astype(np.int8)
