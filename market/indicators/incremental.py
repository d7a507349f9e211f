"""One new bar on every series: the state behind the averages, moved on by a step."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from market.indicators.averages import Averages, Prices, advance
from market.indicators.bars import Bars
from market.indicators.config import IndicatorConfig
from market.indicators.errors import InvalidBars
from market.indicators.numpy_backend import calculate_with_last, write_values
from market.indicators.panel import IndicatorPanel
from market.indicators.types import Floats


@dataclass(frozen=True, eq=False)
class PanelState:
    """Everything the next bar needs, and the values of the bar at ``time``.

    A state never changes: ``step`` returns the next one. So the values of a bar that
    is not closed yet are those of a state that is dropped again.
    """

    config: IndicatorConfig
    symbols: tuple[str, ...]
    time: int
    values: IndicatorPanel
    _averages: Averages
    _last: Prices
    _closes: Floats

    @classmethod
    def of(cls, bars: Bars, config: IndicatorConfig) -> "PanelState":
        """Return the state after the last of these bars."""
        bars.require(config.minimum_bars)
        panel, averages = calculate_with_last(bars, config)
        count = len(bars)
        last = Prices(bars.high, bars.low, bars.close).between(count - 1, count)
        values = IndicatorPanel.empty(1, len(bars.symbols))
        for name, column in vars(values).items():
            column[...] = getattr(panel, name)[-1:]
        return cls(
            config,
            bars.symbols,
            int(bars.times[-1]),
            values,
            averages,
            last,
            bars.close[count + 1 - config.bollinger :],
        )

    def step(self, time: int, *, high: Any, low: Any, close: Any) -> "PanelState":
        """Return the state after one more bar: a price of each series, in their order.

        Raises ``InvalidBars`` naming the series.
        """
        if time <= self.time:
            raise InvalidBars("time", time, f"must be above {self.time}")
        prices = self._checked(high, low, close)
        averages, last = advance(self._averages, prices, self._last, self.config)
        closes = np.concatenate((self._closes, prices.close))
        values = IndicatorPanel.empty(1, len(self.symbols))
        write_values(values, averages, closes, self.config)
        return PanelState(
            self.config, self.symbols, time, values, last, prices, closes[1:]
        )

    def _checked(self, high: Any, low: Any, close: Any) -> Prices:
        shape = (1, len(self.symbols))
        given = {"high": high, "low": low, "close": close}
        columns: list[Floats] = []
        for name, column in given.items():
            values = np.array(column, np.float64, ndmin=2)
            if values.shape != shape:
                raise InvalidBars(name, values.shape, f"must have the shape {shape}")
            wrong = ~((values > 0) & (values < np.inf))
            if wrong.any():
                at = int(np.argmax(wrong))
                rule = "must be a finite number above 0"
                raise InvalidBars(
                    name, float(values[0, at]), rule, symbol=self.symbols[at]
                )
            columns.append(values)
        prices = Prices(*columns)
        if (prices.high < prices.low).any():
            at = int(np.argmax(prices.high < prices.low))
            value, symbol = float(prices.high[0, at]), self.symbols[at]
            raise InvalidBars("high", value, "must not be below low", symbol=symbol)
        return prices
