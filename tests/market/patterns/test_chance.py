import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.patterns import chance

NUMBERS = st.integers(1, 60)
SHARES = st.floats(0.001, 0.9)


def exact(number, share, least):
    return sum(
        math.comb(number, k) * share**k * (1 - share) ** (number - k)
        for k in range(max(least, 0), number + 1)
    )


@given(NUMBERS, SHARES, st.integers(0, 60))
def test_equal_coins_give_the_binomial_tail(number, share, least):
    least = min(least, number)
    wanted = exact(number, share, least)
    assert chance.binomial_tail(number, share, least) == pytest.approx(wanted, rel=1e-6)
    coins = np.full(number, share)
    assert chance.poisson_binomial_tail(coins, least) == pytest.approx(wanted, rel=1e-6)


@given(NUMBERS, SHARES, st.integers(0, 60))
def test_the_bounds_are_never_below_the_tails(number, share, least):
    least = min(least, number)
    wanted = exact(number, share, least)
    (bound,) = chance.binomial_bounds(
        np.array([number]), np.array([share]), np.array([least])
    )
    assert math.exp(bound) >= wanted * (1 - 1e-9)
    assert math.exp(chance.poisson_bound(number * share, least)) >= wanted * (1 - 1e-9)


def test_unequal_coins_agree_with_throwing_them():
    rng = random.Random(1)
    coins = np.array([rng.uniform(0.01, 0.4) for _ in range(20)])
    throws = 20_000
    hits = sum(sum(rng.random() < c for c in coins) >= 7 for _ in range(throws))
    assert chance.poisson_binomial_tail(coins, 7) == pytest.approx(
        hits / throws, abs=0.01
    )


def test_large_numbers_do_not_overflow():
    assert chance.binomial_tail(20_000, 0.02, 900) < 1e-10
    assert chance.binomial_tail(20_000, 0.02, 0) == 1.0
    assert chance.poisson_bound(0.0, 3) == -math.inf
