"""Win rate, profit factor, Sharpe, drawdown and the equity curve."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.domain.performance import DAY_MS, Equity, drawdown, growth, performance

D = Decimal


def daily(*values):
    return [Equity(day * DAY_MS, D(value)) for day, value in enumerate(values)]


def test_the_numbers_of_four_days_by_hand():
    found = performance(daily(100, 110, 99, 108.9), [D(10), D(-11), D("9.9")])
    assert found.trades == 3
    assert found.net_profit == D("8.9")
    assert found.win_rate == pytest.approx(2 / 3)
    assert found.profit_factor == pytest.approx(19.9 / 11)
    assert found.total_return == pytest.approx(0.089)
    assert found.max_drawdown == pytest.approx(0.1)
    mean = (0.1 - 0.1 + 0.1) / 3
    deviation = math.sqrt(((0.1 - mean) ** 2 * 2 + (-0.1 - mean) ** 2) / 2)
    assert found.sharpe == pytest.approx(mean / deviation * math.sqrt(365))


def test_money_paid_in_is_no_profit():
    equity = [Equity(0, D(100)), Equity(1, D(1100), flow=D(1000)), Equity(2, D(550))]
    assert [value for _, value in growth(equity)] == [1.0, 1.0, 0.5]


def test_nothing_known_gives_no_numbers_instead_of_zeros():
    found = performance([])
    assert (found.win_rate, found.profit_factor, found.total_return) == (None,) * 3
    assert (found.sharpe, found.max_drawdown, found.curve) == (None, None, ())


def test_only_gains_have_no_profit_factor():
    assert performance(daily(1, 2), [D(1)]).profit_factor is None


def test_a_total_loss_ends_the_curve_at_zero():
    found = performance(daily(100, 0, 0))
    assert found.total_return == -1
    assert found.max_drawdown == 1


def test_days_without_change_have_no_sharpe():
    assert performance(daily(100, 100, 100)).sharpe is None


def test_snapshots_within_a_day_count_as_one_return():
    hours = [Equity(hour * DAY_MS // 24, D(100 + hour)) for hour in range(49)]
    found = performance(hours)
    assert found.total_return == pytest.approx(0.48)
    assert found.sharpe is not None


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=50))
def test_a_drawdown_is_a_share_and_zero_only_when_nothing_falls(values):
    worst = drawdown(values)
    assert 0 <= worst < 1
    assert (worst == 0) == (values == sorted(values))
