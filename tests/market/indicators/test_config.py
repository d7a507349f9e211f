import pytest

from core.errors import InvalidInput
from market.indicators.config import IndicatorConfig


def test_the_house_periods_are_the_published_ones():
    config = IndicatorConfig()
    assert (config.ema_fast, config.ema_slow, config.rsi) == (20, 50, 14)
    assert (config.macd_fast, config.macd_slow, config.macd_signal) == (12, 26, 9)
    assert (config.bollinger, config.adx, config.atr) == (20, 14, 14)
    assert config.minimum_bars == 50


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"rsi": 1}, "rsi"),
        ({"rsi": 14.5}, "rsi"),
        ({"rsi": True}, "rsi"),
        ({"atr": 1001}, "atr"),
        ({"swing_bars": 0}, "swing_bars"),
        ({"ema_fast": 50}, "ema_fast"),
        ({"macd_fast": 30}, "macd_fast"),
        ({"bollinger_deviations": 0.0}, "bollinger_deviations"),
        ({"equal_atr": float("nan")}, "equal_atr"),
        ({"rsi_oversold": 80.0}, "rsi_overbought"),
        ({"rsi_overbought": 100.0}, "rsi_overbought"),
        ({"adx_strong": 15.0}, "adx_strong"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(changes, name):
    with pytest.raises(InvalidInput, match=f"^{name}: "):
        IndicatorConfig(**changes)


@pytest.mark.parametrize(
    ("changes", "bars"),
    [
        ({"ema_slow": 21}, 35),
        ({"ema_slow": 21, "adx": 30}, 60),
        ({"bollinger": 90}, 90),
        ({"rsi": 80}, 81),
        ({"swing_bars": 40}, 81),
    ],
)
def test_the_slowest_value_decides_how_many_bars_are_needed(changes, bars):
    assert IndicatorConfig(**changes).minimum_bars == bars
