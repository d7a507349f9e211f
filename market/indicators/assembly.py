"""One series' arrays put together into the typed result."""

from typing import Any

from market.indicators import signals
from market.indicators.bars import COLUMNS, Bars
from market.indicators.config import IndicatorConfig
from market.indicators.panel import IndicatorPanel
from market.indicators.result import Indicators, IndicatorSeries
from market.indicators.structure import structure_features
from market.indicators.types import Floats


def indicators_of(
    bars: Bars, panel: IndicatorPanel, series: int, config: IndicatorConfig, name: str
) -> Indicators:
    """Return the result of one of the panel's series; ``name`` is the backend's."""
    one = _single(bars, series)
    values = panel.column(series)
    columns: dict[str, Any] = {
        **values,
        **_signals(values, config),
        **_features(one, values["atr"], config),
    }
    arrays = IndicatorSeries(
        times=bars.times.copy(), close=one.close[:, 0].copy(), **columns
    )
    return Indicators.of(bars.symbols[series], name, arrays)


def _single(bars: Bars, series: int) -> Bars:
    if len(bars.symbols) == 1:
        return bars
    columns = {name: getattr(bars, name)[:, series] for name in COLUMNS}
    return Bars.single(bars.symbols[series], bars.times, **columns)


def _signals(values: dict[str, Floats], config: IndicatorConfig) -> dict[str, Any]:
    return {
        "ema_trend": signals.ema_trends(values["ema_fast"], values["ema_slow"]),
        "rsi_signal": signals.rsi_signals(values["rsi"], config),
        "macd_cross": signals.macd_crosses(
            values["macd_histogram"], values["ema_fast"]
        ),
        "adx_signal": signals.adx_grades(values["adx"], config),
    }


def _features(bars: Bars, atr: Floats, config: IndicatorConfig) -> dict[str, Any]:
    found = structure_features(bars, atr, config)
    return {
        **vars(found),
        "order_blocks_count": found.bullish_order_blocks + found.bearish_order_blocks,
        "fvg_count": found.bullish_gaps + found.bearish_gaps,
    }
