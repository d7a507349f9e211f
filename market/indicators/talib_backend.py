"""Series by series with TA-Lib, where it is installed."""

from types import ModuleType

import numpy as np

from market.indicators.bars import Bars
from market.indicators.config import IndicatorConfig
from market.indicators.formulas import NO_MOVE_RSI
from market.indicators.panel import VALUES, IndicatorPanel
from market.indicators.types import Floats
from market.indicators.windows import rolling_moments

WIDE_RANGE = 10.0


def load_talib() -> ModuleType | None:
    """Return TA-Lib's module, or None where it is not installed."""
    try:
        import talib
    except ImportError:
        return None
    return talib


class TalibBackend:
    """Values of every bar of every series; see ``market.indicators.panel``."""

    name = "talib"

    def __init__(self, talib: ModuleType) -> None:
        self._talib = talib

    def calculate(self, bars: Bars, config: IndicatorConfig) -> IndicatorPanel:
        """Return the panel; there must be ``config.minimum_bars``."""
        found = np.empty((len(VALUES), len(bars.symbols), len(bars)))
        high, low, close = (
            np.ascontiguousarray(column.T)
            for column in (bars.high, bars.low, bars.close)
        )
        rows = dict(zip(VALUES, found, strict=True))
        for series in range(len(bars.symbols)):
            self._averages(rows, series, close[series], config)
            self._ranges(
                rows, series, (high[series], low[series], close[series]), config
            )
        _keep_still(rows["rsi"], close)
        _sharpen_bands(rows, close, config)
        np.subtract(rows["bb_upper"], rows["bb_lower"], out=rows["bb_width"])
        rows["bb_width"] /= rows["bb_middle"]
        return IndicatorPanel(**{name: row.T for name, row in rows.items()})

    def _averages(
        self,
        rows: dict[str, Floats],
        series: int,
        close: Floats,
        config: IndicatorConfig,
    ) -> None:
        talib = self._talib
        rows["ema_fast"][series] = talib.EMA(close, config.ema_fast)
        rows["ema_slow"][series] = talib.EMA(close, config.ema_slow)
        rows["rsi"][series] = talib.RSI(close, config.rsi)
        (
            rows["macd"][series],
            rows["macd_signal_line"][series],
            rows["macd_histogram"][series],
        ) = talib.MACD(close, config.macd_fast, config.macd_slow, config.macd_signal)
        wide = config.bollinger_deviations
        (
            rows["bb_upper"][series],
            rows["bb_middle"][series],
            rows["bb_lower"][series],
        ) = talib.BBANDS(close, config.bollinger, wide, wide)

    def _ranges(
        self,
        rows: dict[str, Floats],
        series: int,
        prices: tuple[Floats, Floats, Floats],
        config: IndicatorConfig,
    ) -> None:
        rows["adx"][series] = self._talib.ADX(*prices, config.adx)
        rows["atr"][series] = self._talib.ATR(*prices, config.atr)


def _keep_still(rsi: Floats, close: Floats) -> None:
    """TA-Lib says 0, utterly oversold, for a price that never moved; we say 50."""
    for series in np.flatnonzero(close[:, 1] == close[:, 0]):
        still = np.logical_and.accumulate(close[series] == close[series, 0])
        rsi[series, still & ~np.isnan(rsi[series])] = NO_MOVE_RSI


def _sharpen_bands(
    rows: dict[str, Floats], close: Floats, config: IndicatorConfig
) -> None:
    """Compute the bands ourselves where prices went through a wide range.

    TA-Lib keeps running sums: what a price 100 times higher left behind in their last
    digits is 1e-9 of the bands' width and more, long after it has gone.
    """
    for series in np.flatnonzero(close.max(axis=1) > WIDE_RANGE * close.min(axis=1)):
        prices = close[series]
        highest, lowest = np.maximum.accumulate(prices), np.minimum.accumulate(prices)
        # From the bar on that made the range wide: earlier bars cannot know of it.
        wide = highest > WIDE_RANGE * lowest
        wide[: config.bollinger - 1] = False
        middle, deviation = rolling_moments(prices, config.bollinger)
        late = wide[config.bollinger - 1 :]
        half = deviation[late] * config.bollinger_deviations
        rows["bb_middle"][series, wide] = middle[late]
        rows["bb_upper"][series, wide] = middle[late] + half
        rows["bb_lower"][series, wide] = middle[late] - half
