"""All series at once with NumPy, block by block: a block fits the processor's cache."""

import numpy as np

from market.indicators.averages import (
    ADX,
    EMA_FAST,
    EMA_SLOW,
    GAIN,
    LOSS,
    MACD_FAST,
    MACD_SLOW,
    RANGE,
    SIGNAL,
    Averages,
    Prices,
    advance,
    begin,
)
from market.indicators.bars import Bars
from market.indicators.config import IndicatorConfig
from market.indicators.formulas import relative_strength
from market.indicators.panel import IndicatorPanel
from market.indicators.types import Floats
from market.indicators.windows import rolling_moments

# Bars x series of a block: its averages stay in the second-level cache.
BLOCK_VALUES = 18_000


class NumpyBackend:
    """Values of every bar of every series; see ``market.indicators.panel``."""

    name = "numpy"

    def calculate(self, bars: Bars, config: IndicatorConfig) -> IndicatorPanel:
        """Return the panel; there must be ``config.minimum_bars``."""
        return calculate_with_last(bars, config)[0]


def calculate_with_last(
    bars: Bars, config: IndicatorConfig
) -> tuple[IndicatorPanel, Averages]:
    """Return the panel and the averages of the last bar."""
    count, series = bars.close.shape
    prices = Prices(bars.high, bars.low, bars.close)
    panel = IndicatorPanel.empty(count, series)
    step = max(1, BLOCK_VALUES // series)
    start = config.minimum_bars
    averages, last = begin(prices.between(0, start), config)
    write_values(panel.part(0, start), averages, bars.close[:start], config)
    for begins, from_bar in starts(config).items():
        getattr(panel, begins)[:from_bar] = np.nan
    for at in range(start, count, step):
        end = min(at + step, count)
        before = prices.between(at - 1, end - 1)
        averages, last = advance(last, prices.between(at, end), before, config)
        closes = bars.close[at + 1 - config.bollinger : end]
        write_values(panel.part(at, end), averages, closes, config)
    return panel, last


def write_values(
    panel: IndicatorPanel, averages: Averages, closes: Floats, config: IndicatorConfig
) -> None:
    """Write the values of the panel's bars.

    ``closes`` ends with the panel's last bar and holds the bars that its bands need;
    bars without enough of them get no bands.
    """
    first, second = averages
    panel.ema_fast[...] = first[:, EMA_FAST]
    panel.ema_slow[...] = first[:, EMA_SLOW]
    relative_strength(first[:, GAIN], first[:, LOSS], panel.rsi)
    np.subtract(first[:, MACD_FAST], first[:, MACD_SLOW], out=panel.macd)
    panel.macd_signal_line[...] = second[:, SIGNAL]
    np.subtract(panel.macd, second[:, SIGNAL], out=panel.macd_histogram)
    np.multiply(second[:, ADX], 100.0, out=panel.adx)
    np.divide(first[:, RANGE], config.atr, out=panel.atr)
    _write_bands(panel, closes, config)


def _write_bands(
    panel: IndicatorPanel, closes: Floats, config: IndicatorConfig
) -> None:
    middle, half = rolling_moments(closes, config.bollinger)
    half *= config.bollinger_deviations
    bands = panel.part(len(panel.atr) - len(middle), len(panel.atr))
    bands.bb_middle[...] = middle
    np.add(middle, half, out=bands.bb_upper)
    np.subtract(middle, half, out=bands.bb_lower)
    np.divide(half, middle, out=bands.bb_width)
    np.multiply(bands.bb_width, 2.0, out=bands.bb_width)


def starts(config: IndicatorConfig) -> dict[str, int]:
    """Index of the first bar with a value, as TA-Lib has it."""
    bands = config.bollinger - 1
    return {
        "ema_fast": config.ema_fast - 1,
        "ema_slow": config.ema_slow - 1,
        "rsi": config.rsi,
        "macd": config.macd_start,
        "macd_signal_line": config.macd_start,
        "macd_histogram": config.macd_start,
        "bb_upper": bands,
        "bb_middle": bands,
        "bb_lower": bands,
        "bb_width": bands,
        "adx": 2 * config.adx - 1,
        "atr": config.atr,
    }
