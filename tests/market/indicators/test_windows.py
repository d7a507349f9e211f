import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from market.indicators.windows import rolling_moments

PRICES = st.floats(1e-6, 1e9)


def exact(window):
    values = [Fraction(value) for value in window]
    mean = sum(values) / len(values)
    return float(mean), math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))


@settings(deadline=None)
@given(st.lists(PRICES, min_size=1, max_size=70), st.integers(1, 60))
def test_mean_and_deviation_are_those_of_exact_numbers(prices, period):
    period = min(period, len(prices))
    means, deviations = rolling_moments(np.array(prices)[:, None], period)
    assert len(means) == len(prices) - period + 1
    for at in range(len(means)):
        mean, deviation = exact(prices[at : at + period])
        assert means[at, 0] == pytest.approx(mean, rel=1e-13)
        assert deviations[at, 0] == pytest.approx(deviation, rel=1e-9, abs=mean * 1e-15)


def test_equal_prices_deviate_by_nothing_even_after_a_huge_jump():
    prices = np.r_[np.full(30, 60_000.1), 1e9, np.full(40, 60_000.1)][:, None]
    deviations = rolling_moments(prices, 20)[1]
    assert (deviations[:11] == 0).all()
    assert (deviations[31:] == 0).all()


def test_no_period_is_refused():
    with pytest.raises(InvalidInput, match="period: 0"):
        rolling_moments(np.ones((3, 1)), 0)
