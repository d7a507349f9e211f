import numpy as np
import pytest

from market.indicators.config import IndicatorConfig
from market.indicators.liquidity import LIQUIDITY, find_liquidity
from market.indicators.swings import find_swings
from tests.market.indicators.series import plain

CONFIG = IndicatorConfig(swing_bars=1, zone_bars=20, sweep_bars=2, equal_atr=0.1)


def contexts(rows, atr=5.0, config=CONFIG):
    """Contexts of bars (high, low, close), and of the same bars upside down."""
    found = []
    for sign in (1, -1):
        turned = [
            (close, high, low, close)
            if sign > 0
            else (60 - close, 60 - low, 60 - high, 60 - close)
            for high, low, close in rows
        ]
        bars = plain(turned)
        swings = find_swings(bars.high[:, 0], bars.low[:, 0], config.swing_bars)
        codes = find_liquidity(bars, swings, np.full(len(rows), atr), config)
        found.append([LIQUIDITY[code] for code in codes.tolist()])
    mirror = {"highs": "lows", "lows": "highs"}
    words = [
        "_".join(mirror.get(word, word) for word in context.split("_"))
        for context in found[1]
    ]
    assert found[0] == [w.replace("lows_and_highs", "highs_and_lows") for w in words]
    return found[0]


# A swing high of 20 at bar 1, confirmed at bar 2; lows only rise, so none is a swing.
PEAK = [(18, 10, 17), (20, 11, 18), (19, 12, 18)]


def test_a_wick_above_a_swing_high_that_closes_back_is_a_sweep_for_a_while():
    rows = [*PEAK, (21, 13, 19), (19, 14, 18), (19, 15, 18)]
    assert contexts(rows) == ["none"] * 3 + ["highs_swept", "highs_swept", "none"]


def test_a_close_above_is_a_break_and_no_sweep():
    assert contexts([*PEAK, (21, 13, 20.5), (22, 14, 19)]) == ["none"] * 5


def test_a_high_at_the_level_touches_nothing():
    assert contexts([*PEAK, (20, 13, 19), (19.5, 14, 19)])[3] == "none"


def test_a_level_is_taken_once():
    rows = [*PEAK, (21, 13, 20.5), (21, 14, 20.8), (20.9, 15, 18)]
    assert contexts(rows) == ["none"] * 6


def test_two_near_swing_highs_are_equal_from_the_second_confirmation_on():
    rows = [*PEAK, (19.8, 13, 18), (19, 14, 18), (19, 15, 18)]
    assert contexts(rows) == ["none"] * 4 + ["equal_highs"] * 2


def test_swings_further_apart_than_the_tolerance_are_not_equal():
    rows = [*PEAK, (19.8, 13, 18), (19, 14, 18), (19, 15, 18)]
    assert set(contexts(rows, atr=1.9)) == {"none"}


def test_equal_highs_are_gone_when_both_are_exceeded():
    rows = [*PEAK, (19.8, 13, 18), (19, 14, 18), (19.9, 15, 19.85), (21, 16, 20.5)]
    assert contexts(rows)[4:] == ["equal_highs", "equal_highs", "none"]


def test_equal_highs_are_forgotten_in_time():
    rows = [*PEAK, (19.8, 13, 18), *[(19, 14 + n / 9, 18) for n in range(9)]]
    short = IndicatorConfig(swing_bars=1, zone_bars=4, sweep_bars=2)
    assert contexts(rows, config=short)[3:9] == ["none"] + ["equal_highs"] * 4 + [
        "none"
    ]


@pytest.mark.parametrize(("life", "context"), [(2, "none"), (3, "equal_highs")])
def test_a_swing_that_is_forgotten_is_nobodys_equal(life, context):
    # Confirmed at the bars 2 and 4.
    rows = [*PEAK, (19.8, 13, 18), (19, 14, 18)]
    config = IndicatorConfig(swing_bars=1, zone_bars=life, sweep_bars=2)
    assert contexts(rows, config=config)[4] == context


def test_the_newer_sweep_counts_and_one_bar_can_sweep_both_sides():
    box = [(18, 12, 15), (20, 11, 15), (18, 10, 15), (19, 11, 15), (19, 11, 15)]
    assert contexts([*box, (21, 9, 15)])[-1] == "both_swept"
    assert contexts([*box, (21, 11, 15), (19, 9, 15)])[-1] == "lows_swept"
    assert contexts([*box, (19, 9, 15), (21, 11, 15)])[-1] == "highs_swept"


@pytest.mark.parametrize("atr", [np.nan, 0.0])
def test_without_an_atr_only_the_very_same_price_can_be_equal(atr):
    rows = [*PEAK, (19.8, 13, 18), (19, 14, 18)]
    assert set(contexts(rows, atr=atr)) == {"none"}
