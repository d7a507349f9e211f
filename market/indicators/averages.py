"""The averages behind the indicators: their beginning and their way from bar to bar.

They begin as TA-Lib begins them (its default, not the Metastock one), so that values
agree from the first one on. A block of bars and a single new bar take the same way.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from market.indicators.config import IndicatorConfig
from market.indicators.formulas import (
    directional_index,
    directional_moves,
    ema_weight,
    price_moves,
    true_range,
)
from market.indicators.recursion import recur
from market.indicators.types import Floats

# Averages of prices and of moves. Wilder's are kept as he wrote them by hand,
# period x average, so that a new move needs no weight.
EMA_FAST, EMA_SLOW, MACD_FAST, MACD_SLOW, GAIN, LOSS, PLUS, MINUS, RANGE = range(9)
PRICE_ROWS = (EMA_FAST, EMA_SLOW, MACD_FAST, MACD_SLOW)
# Averages of what comes out of them; ADX as a share.
SIGNAL, ADX = range(2)


class Prices(NamedTuple):
    """Bars x series."""

    high: Floats
    low: Floats
    close: Floats

    def between(self, start: int, stop: int) -> "Prices":
        """Return some of the bars."""
        return Prices(*(column[start:stop] for column in self))


class Averages(NamedTuple):
    """``first`` and ``second`` averages, bars x rows x series or rows x series."""

    first: Floats
    second: Floats


@dataclass(frozen=True)
class Smoothing:
    """Decays of all averages, the share of the last value that stays."""

    config: IndicatorConfig

    @property
    def first(self) -> Floats:
        """One decay for each row of the first averages."""
        config = self.config
        prices = (config.ema_fast, config.ema_slow, config.macd_fast, config.macd_slow)
        wilder = (config.rsi, config.rsi, config.adx, config.adx, config.atr)
        decays = [1 - ema_weight(period) for period in prices]
        return np.array([*decays, *(1 - 1 / period for period in wilder)])[:, None]

    @property
    def second(self) -> Floats:
        """The same for the MACD signal line and ADX."""
        config = self.config
        return np.array([[1 - ema_weight(config.macd_signal)], [1 - 1 / config.adx]])


def begin(prices: Prices, config: IndicatorConfig) -> tuple[Averages, Averages]:
    """Return the averages of all given bars, at least ``minimum_bars``, and the last.

    An average is 0 before it begins.
    """
    smoothing = Smoothing(config)
    bars, series = prices.close.shape
    first = np.empty((bars, 9, series))
    before = prices.between(0, bars - 1)
    _write_prices(first, prices.close, smoothing.first)
    _write_moves(first[1:], prices.between(1, bars), before)
    _begin_first(first, prices.close, config)
    last_first = recur(first, np.zeros((9, series)), smoothing.first)

    second = np.empty((bars, 2, series))
    _write_second(second, first, smoothing.second)
    _begin_second(second, first, config)
    last_second = recur(second, np.zeros((2, series)), smoothing.second)
    return Averages(first, second), Averages(last_first, last_second)


def advance(
    last: Averages, prices: Prices, before: Prices, config: IndicatorConfig
) -> tuple[Averages, Averages]:
    """Return the averages of further bars and the last of them.

    ``before`` holds, for every bar, the bar before it.
    """
    smoothing = Smoothing(config)
    bars, series = prices.close.shape
    first = np.empty((bars, 9, series))
    _write_prices(first, prices.close, smoothing.first)
    _write_moves(first, prices, before)
    last_first = recur(first, last.first, smoothing.first)
    second = np.empty((bars, 2, series))
    _write_second(second, first, smoothing.second)
    last_second = recur(second, last.second, smoothing.second)
    return Averages(first, second), Averages(last_first, last_second)


def _write_prices(first: Floats, close: Floats, decays: Floats) -> None:
    for row in PRICE_ROWS:
        np.multiply(close, 1 - decays[row], out=first[:, row])


def _write_moves(first: Floats, prices: Prices, before: Prices) -> None:
    ranges, ranges_before = (prices.high, prices.low), (before.high, before.low)
    price_moves(prices.close, before.close, first[:, GAIN], first[:, LOSS])
    directional_moves(ranges, ranges_before, first[:, PLUS], first[:, MINUS])
    true_range(prices.high, prices.low, before.close, first[:, RANGE])


def _write_second(second: Floats, first: Floats, decays: Floats) -> None:
    macd = first[:, MACD_FAST] - first[:, MACD_SLOW]
    np.multiply(macd, 1 - decays[SIGNAL], out=second[:, SIGNAL])
    index = directional_index(first[:, PLUS], first[:, MINUS])
    np.multiply(index, 1 - decays[ADX], out=second[:, ADX])


def _begin_first(first: Floats, close: Floats, config: IndicatorConfig) -> None:
    slow = config.macd_slow
    for row, start, period in (
        (EMA_FAST, config.ema_fast - 1, config.ema_fast),
        (EMA_SLOW, config.ema_slow - 1, config.ema_slow),
        # TA-Lib begins both lines where the slow one can begin.
        (MACD_FAST, slow - 1, config.macd_fast),
        (MACD_SLOW, slow - 1, slow),
    ):
        _begin_row(first[:, row], start, close[start + 1 - period : start + 1].mean(0))
    for row, start in (
        (GAIN, config.rsi),
        (LOSS, config.rsi),
        (PLUS, config.adx - 1),
        (MINUS, config.adx - 1),
        (RANGE, config.atr),
    ):
        _begin_row(first[:, row], start, first[1 : start + 1, row].sum(0))


def _begin_second(second: Floats, first: Floats, config: IndicatorConfig) -> None:
    start = config.macd_start
    lines = first[config.macd_slow - 1 : start + 1]
    macd = lines[:, MACD_FAST] - lines[:, MACD_SLOW]
    _begin_row(second[:, SIGNAL], start, macd.mean(0))
    start = 2 * config.adx - 1
    # Inputs are DX / period: their sum is the mean.
    _begin_row(second[:, ADX], start, second[config.adx : start + 1, ADX].sum(0))


def _begin_row(row: Floats, start: int, value: Floats) -> None:
    row[:start] = 0.0
    row[start] = value
