"""Positions, fees and figures by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from training.engine.strategy import (
    Bars,
    Thresholds,
    baselines,
    choose_thresholds,
    positions,
    report,
    spread,
    thinned,
)

HOURLY = 8760.0


def figures(returns, position, fee=0.001):
    bars = Bars.single(np.array(returns), per_year=HOURLY)
    return report(bars, np.array(position, float), fee=fee)


def test_a_long_pays_to_enter_and_to_leave():
    found = figures([0.1, 0.0], [1, 1])
    assert found.final_value == pytest.approx(1.1 * 0.999 * 0.999)
    assert found.turnover == 2


def test_a_short_earns_minus_the_return():
    found = figures([0.1], [-1], fee=0.0)
    assert found.final_value == pytest.approx(0.9)
    assert figures([-0.1], [-1], fee=0.0).final_value == pytest.approx(1.1)


def test_a_flip_counts_twice():
    found = figures([0.0, 0.0], [1, -1])
    assert found.turnover == 4
    assert found.final_value == pytest.approx((1 - 0.001) * (1 - 0.002) * (1 - 0.001))


def test_staying_out_costs_nothing():
    found = figures([0.5, -0.5], [0, 0])
    assert (found.final_value, found.arc, found.max_drawdown) == (1, 0, 0)
    assert (found.ir, found.ir2) == (0, 0)


def test_figures_of_three_bars_by_hand():
    found = report(
        Bars.single(np.array([0.1, -0.2, 0.05]), per_year=3.0), np.ones(3), fee=0.0
    )
    value = 1.1 * 0.8 * 1.05
    assert found.final_value == pytest.approx(value)
    assert found.arc == pytest.approx(value - 1)
    assert found.max_drawdown == pytest.approx(0.2)
    deviation = np.std([0.1, -0.2, 0.05], ddof=1) * math.sqrt(3)
    assert found.asd == pytest.approx(deviation)
    assert found.ir == pytest.approx((value - 1) / deviation)
    assert found.ir2 == pytest.approx(found.ir * abs(value - 1) / 0.2)


def test_a_fall_below_the_start_is_a_drawdown_too():
    assert figures([-0.3, 0.1], [1, 1], fee=0.0).max_drawdown == pytest.approx(0.3)


def test_positions_follow_the_thresholds_and_hold_in_between():
    rule = Thresholds(enter_long=2, exit_long=1, enter_short=-2, exit_short=-1)
    forecast = np.array([0, 3, 1.5, 0.5, -3, -1.5, -0.5, 2.5, -2.5])
    assert positions(forecast, rule).tolist() == [0, 1, 1, 0, -1, -1, 0, 1, -1]


def test_a_forecast_that_knows_the_future_is_used_and_one_that_knows_nothing_is_not():
    random = np.random.default_rng(0)
    returns = 0.01 * random.standard_normal(2000)
    bars = Bars.single(returns, per_year=HOURLY)
    good = choose_thresholds(returns, bars)
    assert math.isfinite(good.enter_long)
    # A fee that no forecast of noise can earn.
    noise = random.standard_normal(2000)
    bad = choose_thresholds(noise, bars, fee=0.2)
    assert not positions(noise, bad).any()


def test_baselines_stand_beside_each_other():
    bars = Bars.single(np.array([0.05, -0.01, 0.02]), per_year=HOURLY)
    found = baselines(bars, np.array([0.01, 0.05, -0.0001]))
    assert list(found) == ["buy_and_hold", "flat", "sign", "persistence"]
    assert found["flat"].final_value == 1
    assert found["sign"].long_share == pytest.approx(2 / 3)
    assert found["persistence"].short_share == 0


returns = st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=40)
places = st.sampled_from([-1.0, 0.0, 1.0])


@settings(deadline=None)
@given(st.data(), returns)
def test_a_higher_fee_never_earns_more(data, made):
    place = data.draw(st.lists(places, min_size=len(made), max_size=len(made)))
    values = [figures(made, place, fee=fee).final_value for fee in (0.0, 0.001, 0.01)]
    assert values == sorted(values, reverse=True)


@settings(deadline=None)
@given(returns)
def test_long_and_short_are_mirrors_before_fees(made):
    down = [-one for one in made]
    long, short = (
        figures(made, np.ones(len(made)), 0.0),
        figures(down, -np.ones(len(made)), 0.0),
    )
    assert long.final_value == pytest.approx(short.final_value)


def test_lengths_that_differ_and_no_bars_are_refused():
    with pytest.raises(InvalidInput, match="position"):
        figures([0.1], [1, 1])
    with pytest.raises(InvalidInput, match="returns"):
        figures([], [])


def test_a_spread_over_seeds():
    found = spread([1.0, 2.0, 3.0])
    assert found["mean"] == 2
    assert found["standard_error"] == pytest.approx(1 / math.sqrt(3))
    assert math.isnan(spread([1.0])["standard_error"])


def test_a_long_curve_keeps_its_end():
    made = thinned(np.arange(10_000.0))
    assert len(made) <= 500
    assert made[-1] == 9999


def one_by_one(forecast, rule, begins):
    found, now = [], 0.0
    for value, begin in zip(forecast, begins, strict=True):
        now = 0.0 if begin else now
        if value > rule.enter_long:
            now = 1.0
        elif value < rule.enter_short:
            now = -1.0
        elif (now > 0 and value < rule.exit_long) or (
            now < 0 and value > rule.exit_short
        ):
            now = 0.0
        found.append(now)
    return found


small = st.integers(-4, 4).map(float)


@settings(deadline=None)
@given(
    st.lists(st.tuples(small, st.booleans()), max_size=30), small, small, small, small
)
def test_positions_are_those_of_going_bar_by_bar(made, a, b, c, d):
    rule = Thresholds(enter_long=a, exit_long=b, enter_short=c, exit_short=d)
    forecast, begins = [one[0] for one in made], [one[1] for one in made]
    found = positions(
        np.array(forecast, dtype=float), rule, np.array(begins, dtype=bool)
    )
    assert found.tolist() == one_by_one(forecast, rule, begins)


def beside(returns, times, begins):
    return Bars(np.array(returns), np.array(times), np.array(begins), HOURLY)


def test_a_stretch_that_ends_closes_what_is_held_and_the_next_pays_to_enter():
    bars = beside([0.1, 0.1], [0, 50], [True, True])
    found = report(bars, np.ones(2), fee=0.01)
    assert found.turnover == 4
    assert found.final_value == pytest.approx((1.1 * 0.99**2) ** 2)


def test_symbols_are_held_beside_each_other_with_equal_weights():
    bars = beside([0.2, 0.1, -0.1, 0.3], [0, 1, 0, 1], [True, False, True, False])
    found = report(bars, np.array([1.0, 1.0, 0.0, -1.0]), fee=0.0)
    assert found.bars == 2
    assert found.equity.tolist() == pytest.approx([1.1, 1.1 * (1 + (0.1 - 0.3) / 2)])
    assert found.turnover == pytest.approx((1 + 1 + 2) / 2)
    assert (found.long_share, found.short_share) == (0.5, 0.25)


def test_a_symbol_that_came_later_weighs_only_from_then_on():
    bars = beside([0.1, 0.1, 0.3], [0, 1, 1], [True, False, True])
    found = report(bars, np.ones(3), fee=0.0)
    assert found.equity.tolist() == pytest.approx([1.1, 1.1 * 1.2])


@settings(deadline=None)
@given(st.data(), returns)
def test_two_symbols_alike_are_worth_as_much_as_one(data, made):
    place = data.draw(st.lists(places, min_size=len(made), max_size=len(made)))
    one = figures(made, place)
    times = [*range(len(made))] * 2
    begins = [at == 0 for at in times]
    two = report(beside(made * 2, times, begins), np.array(place * 2), fee=0.001)
    assert two.equity == pytest.approx(one.equity)
    assert two.turnover == pytest.approx(one.turnover)
    assert two.ir == pytest.approx(one.ir, rel=1e-6, abs=1e-9)


@settings(deadline=None)
@given(st.data(), returns)
def test_the_equity_is_the_product_of_its_bars(data, made):
    place = data.draw(st.lists(places, min_size=len(made), max_size=len(made)))
    value, before = 1.0, 0.0
    for r, p in zip(made, place, strict=True):
        value *= (1 + p * r) * (1 - 0.001 * abs(p - before))
        before = p
    value *= 1 - 0.001 * abs(before)
    assert figures(made, place).final_value == pytest.approx(value)
