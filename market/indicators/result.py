"""What the engine answers: the last bar's values by name, and all bars' as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from market.indicators import signals
from market.indicators.liquidity import LIQUIDITY
from market.indicators.market_structure import STRUCTURE_EVENTS
from market.indicators.types import Codes, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

Direction = Literal["bearish", "neutral", "bullish"]
RsiSignal = Literal["oversold", "neutral", "overbought"]
Cross = Literal["bearish", "none", "bullish"]
AdxGrade = Literal["weak", "moderate", "strong", "very_strong"]
StructureEvent = Literal["choch_down", "bos_down", "none", "bos_up", "choch_up"]
LiquidityContext = Literal[
    "none",
    "equal_highs",
    "equal_lows",
    "equal_highs_and_lows",
    "highs_swept",
    "lows_swept",
    "both_swept",
]

# Words of the values that are codes in a series.
WORDS: Mapping[str, Mapping[int, str]] = {
    "ema_trend": signals.DIRECTIONS,
    "rsi_signal": signals.RSI_SIGNALS,
    "macd_cross": signals.CROSSES,
    "adx_signal": signals.ADX_GRADES,
    "market_structure": signals.DIRECTIONS,
    "structure_event": STRUCTURE_EVENTS,
    "liquidity_context": LIQUIDITY,
}


@dataclass(frozen=True, eq=False)
class IndicatorSeries:
    """All values bar by bar, read-only; NaN during the warm-up, codes of ``WORDS``."""

    times: Ints
    close: Floats
    ema_fast: Floats
    ema_slow: Floats
    ema_trend: Codes
    rsi: Floats
    rsi_signal: Codes
    macd: Floats
    macd_signal_line: Floats
    macd_histogram: Floats
    macd_cross: Codes
    bb_upper: Floats
    bb_middle: Floats
    bb_lower: Floats
    bb_width: Floats
    adx: Floats
    adx_signal: Codes
    atr: Floats
    market_structure: Codes
    structure_event: Codes
    order_blocks_count: Ints
    bullish_order_blocks: Ints
    bearish_order_blocks: Ints
    fvg_count: Ints
    bullish_gaps: Ints
    bearish_gaps: Ints
    liquidity_context: Codes

    def __post_init__(self) -> None:
        # Results are shared through the cache.
        for array in vars(self).values():
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.times)

    def until(self, count: int) -> "IndicatorSeries":
        """Return the first ``count`` bars, sharing memory."""
        return IndicatorSeries(**{k: v[:count] for k, v in vars(self).items()})

    def columns(self) -> dict[str, Floats]:
        """Return every array but the times as numbers, for features."""
        return {
            name: values.astype(np.float64)
            for name, values in vars(self).items()
            if name != "times"
        }

    def frame(self) -> "pd.DataFrame":
        """Return a pandas frame with the times as index."""
        import pandas as pd

        index = pd.Index(self.times, name="time")
        columns = {k: v for k, v in vars(self).items() if k != "times"}
        return pd.DataFrame(columns, index=index)


@dataclass(frozen=True, eq=False)
class Indicators:
    """Values of the last bar (``docs/indicators.md`` defines each), and ``series``."""

    symbol: str
    time: int
    bars: int
    backend: str
    close: float
    ema_fast: float
    ema_slow: float
    ema_trend: Direction
    rsi: float
    rsi_signal: RsiSignal
    macd: float
    macd_signal_line: float
    macd_histogram: float
    macd_cross: Cross
    bb_upper: float
    bb_middle: float
    bb_lower: float
    bb_width: float
    adx: float
    adx_signal: AdxGrade
    atr: float
    market_structure: Direction
    structure_event: StructureEvent
    order_blocks_count: int
    bullish_order_blocks: int
    bearish_order_blocks: int
    fvg_count: int
    bullish_gaps: int
    bearish_gaps: int
    liquidity_context: LiquidityContext
    series: IndicatorSeries

    @classmethod
    def of(cls, symbol: str, backend: str, series: IndicatorSeries) -> "Indicators":
        """Return the values of the last bar of ``series``."""
        last: dict[str, Any] = {
            name: _plain(name, values[-1])
            for name, values in vars(series).items()
            if name != "times"
        }
        return cls(
            symbol=symbol,
            time=int(series.times[-1]),
            bars=len(series),
            backend=backend,
            series=series,
            **last,
        )

    def at(self, bar: int) -> "Indicators":
        """Return what was known at the close of an earlier bar, counted from 0.

        Equal to a calculation that ends there, for no value looks ahead.
        """
        return Indicators.of(self.symbol, self.backend, self.series.until(bar + 1))

    def as_dict(self) -> dict[str, str | int | float]:
        """Return the values of the last bar by name."""
        return {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if item.name != "series"
        }

    def frame(self) -> "pd.DataFrame":
        """Return all bars' values as a pandas frame."""
        return self.series.frame()


def _plain(name: str, value: Any) -> str | int | float:
    if name in WORDS:
        return WORDS[name][int(value)]
    return int(value) if isinstance(value, np.integer) else float(value)
