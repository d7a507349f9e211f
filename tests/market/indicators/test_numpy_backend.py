"""NumPy against TA-Lib itself, called as its own documentation shows."""

import numpy as np
import pytest
from hypothesis import given, settings

from market.indicators.config import IndicatorConfig
from market.indicators.numpy_backend import NumpyBackend
from market.indicators.panel import VALUES
from tests.market.indicators.series import any_bars, invented, recorded_bars
from tests.payloads import needs_captures

talib = pytest.importorskip("talib")

CONFIG = IndicatorConfig()
OTHER = IndicatorConfig(
    ema_fast=5,
    ema_slow=33,
    rsi=9,
    macd_fast=4,
    macd_slow=11,
    macd_signal=6,
    bollinger=13,
    bollinger_deviations=2.5,
    adx=10,
    atr=21,
)


def with_talib(bars, series, config):
    high, low, close = (
        np.ascontiguousarray(column[:, series])
        for column in (bars.high, bars.low, bars.close)
    )
    lines = talib.MACD(close, config.macd_fast, config.macd_slow, config.macd_signal)
    wide = config.bollinger_deviations
    bands = talib.BBANDS(close, config.bollinger, wide, wide)
    return {
        "ema_fast": talib.EMA(close, config.ema_fast),
        "ema_slow": talib.EMA(close, config.ema_slow),
        "rsi": talib.RSI(close, config.rsi),
        **dict(zip(("macd", "macd_signal_line", "macd_histogram"), lines, strict=True)),
        **dict(zip(("bb_upper", "bb_middle", "bb_lower"), bands, strict=True)),
        "bb_width": (bands[0] - bands[2]) / bands[1],
        "adx": talib.ADX(high, low, close, config.adx),
        "atr": talib.ATR(high, low, close, config.atr),
    }


def assert_equal(bars, config):
    panel = NumpyBackend().calculate(bars, config)
    for series in range(len(bars.symbols)):
        wanted = with_talib(bars, series, config)
        # TA-Lib calls a price that never moved utterly oversold; we say neutral.
        close = bars.close[:, series]
        still = np.logical_and.accumulate(close == close[0])
        wanted["rsi"][still & ~np.isnan(wanted["rsi"])] = 50.0
        # Differences of prices round like prices; shares and 0…100 like themselves.
        price = np.maximum.accumulate(close)
        # Beyond that TA-Lib's running sums are not exact to 1e-9; ours are held against
        # exact numbers in test_windows.
        wide = close.max() > 10 * close.min()
        for name in VALUES:
            if wide and name.startswith("bb_"):
                continue
            found = getattr(panel, name)[:, series]
            assert np.array_equal(np.isnan(found), np.isnan(wanted[name])), name
            size = {"rsi": 1.0, "adx": 1.0, "bb_width": 1.0}.get(name, price)
            apart = np.abs(found - wanted[name]) / size
            assert np.nanmax(apart) <= 1e-9, (name, np.nanargmax(apart))


@settings(deadline=None)
@given(any_bars())
def test_every_value_equals_talibs_on_any_bars(bars):
    assert_equal(bars, CONFIG)


@settings(deadline=None)
@given(any_bars())
def test_so_it_is_with_other_periods(bars):
    assert_equal(bars, OTHER)


@needs_captures
def test_every_value_equals_talibs_on_recorded_bars():
    for bars in recorded_bars():
        assert_equal(bars, CONFIG)


def test_a_wide_panel_is_computed_in_blocks_and_equals_talib():
    assert_equal(invented(3, count=300, series=280), CONFIG)


def test_the_shortest_allowed_bars_have_every_last_value():
    bars = invented(1, count=CONFIG.minimum_bars)
    panel = NumpyBackend().calculate(bars, CONFIG)
    assert all(np.isfinite(getattr(panel, name)[-1]).all() for name in VALUES)


def test_a_price_that_never_moves_is_neutral_and_has_no_width():
    bars = invented(5, kind="rising", count=80)
    still = type(bars)(
        bars.symbols, bars.times, *[bars.close * 0 + 7.3] * 4, bars.close
    )
    panel = NumpyBackend().calculate(still, CONFIG)
    assert panel.rsi[-1, 0] == 50.0
    assert panel.bb_width[-1, 0] == 0.0
    assert panel.atr[-1, 0] == 0.0
    assert panel.adx[-1, 0] == 0.0


def test_only_gains_are_rsi_100_and_only_losses_0():
    rising = NumpyBackend().calculate(invented(5, kind="rising"), CONFIG)
    falling = NumpyBackend().calculate(invented(5, kind="falling"), CONFIG)
    assert rising.rsi[-1, 0] == pytest.approx(100)
    assert falling.rsi[-1, 0] == 0.0
