import sys

import numpy as np
import pytest
from hypothesis import given, settings

from market.indicators.config import IndicatorConfig
from market.indicators.numpy_backend import NumpyBackend
from market.indicators.panel import VALUES
from market.indicators.talib_backend import TalibBackend, load_talib
from tests.market.indicators.series import any_bars, invented
from tests.market.indicators.test_windows import exact

CONFIG = IndicatorConfig()


@settings(deadline=None)
@given(any_bars())
def test_both_backends_give_the_same_panel(bars):
    pytest.importorskip("talib")
    ours = NumpyBackend().calculate(bars, CONFIG)
    theirs = TalibBackend(load_talib()).calculate(bars, CONFIG)
    price = np.maximum.accumulate(bars.close)
    for name in VALUES:
        size = 1.0 if name in ("rsi", "adx", "bb_width") else price
        apart = np.abs(getattr(ours, name) - getattr(theirs, name)) / size
        assert np.nanmax(apart) <= 1e-9, name
        assert np.array_equal(np.isnan(getattr(ours, name)), np.isnan(apart)), name


def test_talib_may_be_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "talib", None)
    assert load_talib() is None


def test_after_wide_jumps_the_bands_are_exact_and_without_them_talibs():
    talib = pytest.importorskip("talib")
    bars = invented(1718, count=178, kind="jumps")
    close = bars.close[:, 0].copy()
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    found = TalibBackend(talib).calculate(bars, CONFIG)
    average, deviation = exact(close[119:139])
    width = 4 * deviation / average
    assert found.bb_width[138, 0] == pytest.approx(width, rel=1e-12)
    # Or else there would be no reason for bands of our own.
    assert abs((upper - lower)[138] / middle[138] - width) > 1e-9
    calm = invented(1718, count=178, kind="walk")
    plain = talib.BBANDS(calm.close[:, 0].copy(), 20, 2.0, 2.0)[0]
    whole = TalibBackend(talib).calculate(calm, CONFIG).bb_upper[:, 0]
    assert np.array_equal(whole, plain, equal_nan=True)
