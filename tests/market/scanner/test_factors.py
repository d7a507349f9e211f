import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from market.indicators import Bars, EliteTechnicalEngine
from market.scanner import factors
from market.scanner.inputs import ScanInputs
from market.scanner.weights import FACTOR_NAMES
from tests.market.indicators.series import any_bars, first, invented

ENGINE = EliteTechnicalEngine(use_talib=False, cache_enabled=False)
ONE = any_bars(least=60, most=160, series=st.just(1))
NUMBERS = st.floats(-1, 1) | st.none()


@st.composite
def extras(draw):
    volume = draw(st.floats(0, 1e6))
    return {
        "volume": volume,
        "taker_base": volume * draw(st.floats(0, 1)),
        "bid_quantity": draw(st.floats(0, 1e6)),
        "ask_quantity": draw(st.floats(0, 1e6)),
        "funding_rate": draw(NUMBERS),
        "mark_premium": draw(NUMBERS),
        "forecast": draw(NUMBERS),
    }


def judged(bars, **given):
    return factors.factors_of(ScanInputs(ENGINE.calculate_bars(bars)[0], **given))


def values(found):
    return {factor.name: factor.value for factor in found}


def scaled(bars, scale):
    prices = [getattr(bars, name) * scale for name in ("open", "high", "low", "close")]
    return Bars(("OTHER",), bars.times, *prices, bars.volume)


def inputs(**changes):
    """Inputs of a calm market; names of indicators are changed in the indicators."""
    indicators = ENGINE.calculate_bars(invented(3, count=120))[0]
    known = {item.name for item in dataclasses.fields(indicators)}
    inner = {name: value for name, value in changes.items() if name in known}
    outer = {name: value for name, value in changes.items() if name not in known}
    return ScanInputs(dataclasses.replace(indicators, **inner), **outer)


@settings(deadline=None)
@given(ONE, extras())
def test_every_value_lies_from_minus_1_to_1_and_is_explained(bars, given_extras):
    for factor in judged(bars, **given_extras):
        assert factor.value is None or -1 <= factor.value <= 1, factor
        assert factor.explanation


@settings(deadline=None)
@given(ONE, extras(), st.sampled_from([2.0**-20, 0.25, 2.0**17]))
def test_the_size_of_prices_and_the_symbol_do_not_matter(bars, given_extras, scale):
    here = values(judged(bars, **given_extras))
    there = values(judged(scaled(bars, scale), **given_extras))
    for name, value in here.items():
        assert there[name] == (
            value if value is None else pytest.approx(value, abs=1e-9)
        )


@settings(deadline=None)
@given(ONE, extras(), st.data())
def test_history_is_judged_as_it_was_when_it_was_new(bars, given_extras, data):
    bar = data.draw(st.integers(49, len(bars) - 1))
    then = judged(first(bars, bar + 1), **given_extras)
    later = ENGINE.calculate_bars(bars)[0].at(bar)
    assert factors.factors_of(ScanInputs(later, **given_extras)) == then


def test_the_names_are_those_of_the_functions():
    found = factors.factors_of(inputs())
    assert tuple(factor.name for factor in found) == FACTOR_NAMES


def test_unknown_inputs_give_no_value():
    found = values(factors.factors_of(inputs()))
    assert {name for name, value in found.items() if value is None} == {
        "flow",
        "imbalance",
        "carry",
        "forecast",
    }


@pytest.mark.parametrize("kind", ["rising", "falling"])
def test_a_moving_market_is_seen_by_trend_and_momentum(kind):
    found = values(judged(invented(2, count=150, kind=kind)))
    sign = 1 if kind == "rising" else -1
    assert found["trend"] * sign > 0.5
    assert found["momentum"] * sign > 0.2


def test_a_trend_without_strength_is_faded_out():
    moved = {"ema_fast": 103.0, "ema_slow": 100.0, "atr": 1.0}
    strong = factors.trend(inputs(adx=25.0, **moved)).value
    assert factors.trend(inputs(adx=5.0, **moved)).value == pytest.approx(strong / 5)
    assert factors.trend(inputs(adx=80.0, **moved)).value == strong


def test_a_market_that_stands_still_says_nothing():
    still = invented(2, count=80, kind="still")
    still = Bars(still.symbols, still.times, *[still.close * 0 + 5.0] * 4, still.close)
    found = values(judged(still))
    assert (
        found["trend"],
        found["momentum"],
        found["volatility"],
        found["structure"],
    ) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("width", "close", "value"),
    [
        (1.0, 102.0, 0.0),
        (1.5, 102.0, 0.5),
        (9.0, 102.0, 1.0),
        (9.0, 99.0, -0.5),
        (9.0, 120.0, 1.0),
    ],
)
def test_only_widening_bands_count(width, close, value):
    given_inputs = inputs()
    usual = float(np.nanmedian(given_inputs.indicators.series.bb_width[-100:]))
    indicators = dataclasses.replace(
        given_inputs.indicators,
        bb_width=usual * width,
        bb_middle=100.0,
        bb_upper=102.0,
        close=close,
    )
    assert factors.volatility(ScanInputs(indicators)).value == pytest.approx(value)


def test_structure_adds_up_to_its_ends():
    best = {
        "market_structure": "bullish",
        "structure_event": "bos_up",
        "liquidity_context": "lows_swept",
        "bullish_order_blocks": 2,
        "bullish_gaps": 1,
        "bearish_order_blocks": 0,
        "bearish_gaps": 0,
    }
    worst = {
        "market_structure": "bearish",
        "structure_event": "choch_down",
        "liquidity_context": "highs_swept",
        "bullish_order_blocks": 0,
        "bullish_gaps": 0,
        "bearish_order_blocks": 2,
        "bearish_gaps": 1,
    }
    assert factors.structure(inputs(**best)).value == pytest.approx(1)
    assert factors.structure(inputs(**worst)).value == pytest.approx(-1)


@pytest.mark.parametrize(("taken", "value"), [(0.0, -1.0), (5.0, 0.0), (10.0, 1.0)])
def test_flow_is_the_share_that_takers_bought(taken, value):
    assert factors.flow(inputs(volume=10.0, taker_base=taken)).value == value


def test_no_trades_no_flow():
    assert factors.flow(inputs(volume=0.0, taker_base=0.0)).value == 0.0


def test_imbalance_compares_the_best_sizes():
    assert factors.imbalance(inputs(bid_quantity=3.0, ask_quantity=1.0)).value == 0.5
    assert factors.imbalance(inputs(bid_quantity=0.0, ask_quantity=0.0)).value == 0.0


@pytest.mark.parametrize(
    ("funding", "premium", "value"),
    [
        (0.0001, None, 0.0),
        (0.0011, None, -1.0),
        (-0.0009, None, 1.0),
        (None, 0.001, -0.5),
        (0.0011, 0.0, -0.5),
        (0.5, 0.5, -1.0),
    ],
)
def test_dear_funding_and_a_high_mark_speak_for_a_fall(funding, premium, value):
    found = factors.carry(inputs(funding_rate=funding, mark_premium=premium))
    assert found.value == pytest.approx(value)


def test_a_forecast_is_measured_in_atr():
    usual = {"atr": 2.0, "close": 100.0}
    assert factors.forecast(inputs(forecast=0.02, **usual)).value == pytest.approx(
        np.tanh(1)
    )
    assert factors.forecast(inputs(forecast=-0.02, **usual)).value == pytest.approx(
        -np.tanh(1)
    )


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"volume": -1.0}, "volume"),
        ({"forecast": float("nan")}, "forecast"),
        ({"funding_rate": float("inf")}, "funding_rate"),
        ({"volume": 1.0, "taker_base": 2.0}, "taker_base"),
        ({"bid_quantity": -0.1}, "bid_quantity"),
    ],
)
def test_values_that_cannot_be_are_refused(changes, name):
    with pytest.raises(InvalidInput, match=f"^{name}: "):
        inputs(**changes)
