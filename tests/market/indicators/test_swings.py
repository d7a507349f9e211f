import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from market.indicators.swings import find_swings
from tests.market.indicators import naive

PRICES = st.lists(st.integers(1, 9), min_size=1, max_size=60)


def test_a_swing_is_dated_at_the_bar_that_confirms_it():
    high = np.array([1.0, 2.0, 5.0, 3.0, 2.0, 1.0])
    swings = find_swings(high, high - 1, 2)
    assert np.isnan(swings.highs[:4]).all()
    assert swings.highs[4] == 5.0
    assert np.isnan(swings.highs[5])


def test_of_equal_highs_the_first_is_the_swing():
    high = np.array([1.0, 5.0, 5.0, 1.0, 1.0])
    assert find_swings(high, high - 1, 1).highs[2] == 5.0
    assert np.isnan(find_swings(high, high - 1, 1).highs[3])


def test_too_few_bars_have_no_swing():
    high = np.array([1.0, 2.0])
    assert np.isnan(find_swings(high, high, 1).highs).all()


@settings(deadline=None)
@given(PRICES, st.integers(1, 4))
def test_swings_are_those_of_the_definition_on_both_sides(prices, wing):
    high, low = np.array(prices, float), np.array(prices, float)
    swings = find_swings(high, low, wing)
    for found, wanted, sign in (
        (swings.highs, naive.swing_highs(prices, wing), 1),
        (swings.lows, naive.swing_highs(naive.mirrored(prices), wing), -1),
    ):
        assert np.flatnonzero(~np.isnan(found)).tolist() == sorted(wanted)
        for bar, (price, _) in wanted.items():
            assert found[bar] == sign * price
