import numpy as np
import pytest

from market.indicators import signals
from market.indicators.config import IndicatorConfig

CONFIG = IndicatorConfig()
NAN = np.nan


def test_the_trend_follows_the_order_of_the_averages():
    fast, slow = np.array([NAN, 101.0, 99.0, 100.0]), np.full(4, 100.0)
    assert signals.ema_trends(fast, slow).tolist() == [0, 1, -1, 0]


def test_rounding_is_no_trend():
    slow = np.array([60_000.0])
    assert signals.ema_trends(slow + 1e-6, slow).tolist() == [0]
    assert signals.ema_trends(slow + 1e-3, slow).tolist() == [1]


def test_rsi_signals_begin_at_their_thresholds():
    rsi = np.array([NAN, 30.0, 30.1, 69.9, 70.0])
    assert signals.rsi_signals(rsi, CONFIG).tolist() == [0, -1, 0, 0, 1]


def test_adx_grades_begin_at_their_thresholds():
    adx = np.array([NAN, 19.9, 20.0, 24.9, 25.0, 49.9, 50.0])
    assert signals.adx_grades(adx, CONFIG).tolist() == [0, 0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("histogram", "crosses"),
    [
        ([NAN, NAN, 1.0, 2.0], [0, 0, 0, 0]),
        ([-1.0, 1.0, 2.0, -1.0], [0, 1, 0, -1]),
        ([1.0, 0.0, 1.0, 0.0], [0, 0, 0, 0]),
        ([-1.0, 0.0, 0.0, 1.0], [0, 0, 0, 1]),
        ([0.0, 0.0, 1.0, -1.0], [0, 0, 0, -1]),
    ],
)
def test_a_cross_is_the_bar_that_changes_the_side(histogram, crosses):
    found = signals.macd_crosses(np.array(histogram), np.full(4, 100.0))
    assert found.tolist() == crosses


def test_a_panel_of_histograms_crosses_series_by_series():
    histogram = np.array([[-1.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
    found = signals.macd_crosses(histogram, np.full((3, 2), 100.0))
    assert found.tolist() == [[0, 0], [1, 0], [0, -1]]
