"""Indicators: one engine for scanner, charts and training features.

Pure: arrays in, arrays out; no framework, no settings. Pandas and TA-Lib are loaded
only when a frame or TA-Lib is asked for.
"""

from market.indicators.bars import Bars
from market.indicators.config import IndicatorConfig
from market.indicators.engine import EliteTechnicalEngine
from market.indicators.errors import InvalidBars
from market.indicators.incremental import PanelState
from market.indicators.panel import IndicatorPanel
from market.indicators.result import Indicators, IndicatorSeries

__all__ = [
    "Bars",
    "EliteTechnicalEngine",
    "IndicatorConfig",
    "IndicatorPanel",
    "IndicatorSeries",
    "Indicators",
    "InvalidBars",
    "PanelState",
]
