"""The features against their written definitions, and none of them looks ahead."""

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from market.indicators.assembly import indicators_of
from market.indicators.bars import Bars
from market.indicators.config import IndicatorConfig
from market.indicators.liquidity import LIQUIDITY
from market.indicators.market_structure import find_structure
from market.indicators.numpy_backend import NumpyBackend
from market.indicators.structure import structure_features
from market.indicators.swings import find_swings
from market.indicators.talib_backend import TalibBackend, load_talib
from tests.market.indicators import naive
from tests.market.indicators.series import any_bars, first

CONFIG = IndicatorConfig(zone_bars=25, swing_bars=2)
ONE = any_bars(most=140, series=st.just(1))


def computed(bars):
    atr = NumpyBackend().calculate(bars, CONFIG).atr[:, 0]
    return structure_features(bars, atr, CONFIG), atr


def rows_of(bars):
    columns = (bars.open, bars.high, bars.low, bars.close)
    return np.column_stack([column[:, 0] for column in columns]).tolist()


@settings(deadline=None)
@given(ONE)
def test_gaps_are_counted_as_defined(bars):
    features, _ = computed(bars)
    high, low = bars.high[:, 0].tolist(), bars.low[:, 0].tolist()
    up = [naive.open_gaps(high, low, at, 25) for at in range(len(bars))]
    high, low = naive.mirrored(low), naive.mirrored(high)
    down = [naive.open_gaps(high, low, at, 25) for at in range(len(bars))]
    assert features.bullish_gaps.tolist() == up
    assert features.bearish_gaps.tolist() == down


@settings(deadline=None)
@given(ONE)
def test_order_blocks_are_counted_as_defined(bars):
    features, _ = computed(bars)
    swings = find_swings(bars.high[:, 0], bars.low[:, 0], CONFIG.swing_bars)
    found = find_structure(bars.close[:, 0], swings)
    events, origins = found.events.tolist(), found.origins.tolist()
    rows = rows_of(bars)
    turned = [[-o, -low, -high, -c] for o, high, low, c in rows]
    ups = [naive.open_blocks(rows, events, origins, at, 25) for at in range(len(rows))]
    assert features.bullish_order_blocks.tolist() == ups
    events = naive.mirrored(events)
    downs = [
        naive.open_blocks(turned, events, origins, at, 25) for at in range(len(rows))
    ]
    assert features.bearish_order_blocks.tolist() == downs


@settings(max_examples=40, deadline=None)
@given(ONE)
def test_the_liquidity_context_is_as_defined(bars):
    features, atr = computed(bars)
    found = [LIQUIDITY[code] for code in features.liquidity_context.tolist()]
    assert found == naive.liquidity(rows_of(bars), atr.tolist(), CONFIG)


def result(bars, backend):
    panel = backend.calculate(bars, CONFIG)
    return indicators_of(bars, panel, 0, CONFIG, backend.name)


def everything(bars, backend):
    return vars(result(bars, backend).series)


def backends():
    talib = load_talib()
    return [NumpyBackend(), *([TalibBackend(talib)] if talib else [])]


@settings(deadline=None)
@given(ONE, st.data())
def test_no_value_of_a_bar_changes_when_later_bars_come(bars, data):
    known = data.draw(st.integers(CONFIG.minimum_bars, len(bars)))
    for backend in backends():
        whole, part = everything(bars, backend), everything(first(bars, known), backend)
        for name, values in part.items():
            assert np.array_equal(values, whole[name][:known], equal_nan=True), name
        assert result(bars, backend).at(known - 1).as_dict() == (
            result(first(bars, known), backend).as_dict()
        )


@settings(deadline=None)
@given(ONE, st.data())
def test_nor_when_later_bars_come_out_differently(bars, data):
    known = data.draw(st.integers(CONFIG.minimum_bars, len(bars) - 1))
    columns = {
        item.name: np.array(getattr(bars, item.name))
        for item in dataclasses.fields(bars)
        if item.name not in ("symbols", "times")
    }
    for column in columns.values():
        column[known:] *= 3.0
    other = Bars(bars.symbols, bars.times, **columns)
    for backend in backends():
        before, after = everything(bars, backend), everything(other, backend)
        for name, values in before.items():
            same = np.array_equal(values[:known], after[name][:known], equal_nan=True)
            assert same, name
