import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.indicators.config import IndicatorConfig
from market.indicators.errors import InvalidBars
from market.indicators.incremental import PanelState
from market.indicators.numpy_backend import NumpyBackend
from market.indicators.panel import VALUES
from tests.market.indicators.series import any_bars, first, invented

CONFIG = IndicatorConfig()


def stepped(state, bars, bar):
    return state.step(
        int(bars.times[bar]),
        high=bars.high[bar],
        low=bars.low[bar],
        close=bars.close[bar],
    )


@settings(deadline=None)
@given(any_bars(), st.integers(1, 40))
def test_steps_give_exactly_what_the_whole_panel_gives(bars, steps):
    start = max(len(bars) - steps, CONFIG.minimum_bars)
    panel = NumpyBackend().calculate(bars, CONFIG)
    state = PanelState.of(first(bars, start), CONFIG)
    for bar in range(start, len(bars)):
        state = stepped(state, bars, bar)
        assert state.time == bars.times[bar]
        for name in VALUES:
            wanted = getattr(panel, name)[bar]
            assert np.array_equal(getattr(state.values, name)[0], wanted), name


def test_a_state_stays_as_it_is_so_an_open_bar_can_be_tried():
    bars = invented(4, count=80, series=3)
    state = PanelState.of(first(bars, 78), CONFIG)
    before = {name: getattr(state.values, name).copy() for name in VALUES}
    tried = state.step(
        10**9, high=bars.high[78] * 2, low=bars.low[78], close=bars.high[78]
    )
    assert not np.array_equal(tried.values.atr, state.values.atr)
    for name in VALUES:
        assert np.array_equal(getattr(state.values, name), before[name])
    panel = NumpyBackend().calculate(bars, CONFIG)
    after = stepped(stepped(state, bars, 78), bars, 79)
    assert np.array_equal(after.values.adx[0], panel.adx[79])


def test_prices_handed_in_may_be_changed_afterwards():
    bars = invented(4, count=80, series=3)
    high, low, close = bars.high[78].copy(), bars.low[78].copy(), bars.close[78].copy()
    state = PanelState.of(first(bars, 78), CONFIG)
    state = state.step(int(bars.times[78]), high=high, low=low, close=close)
    high += 5.0
    close += 5.0
    panel = NumpyBackend().calculate(bars, CONFIG)
    assert np.array_equal(stepped(state, bars, 79).values.rsi[0], panel.rsi[79])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"close": [1.0, np.nan, 1.0]}, "S1 close"),
        ({"high": [2.0, 2.0, np.inf]}, "S2 high"),
        ({"low": [0.0, 0.5, 0.5]}, "S0 low"),
        ({"low": [0.5, 3.0, 0.5]}, "S1 high: 2.0 .* not be below low"),
        ({"close": [1.0, 1.0]}, r"close: \(1, 2\)"),
        ({"time": 5}, "time: 5 .* must be above"),
    ],
)
def test_a_bad_bar_is_refused_by_name(changes, words):
    state = PanelState.of(invented(4, count=80, series=3), CONFIG)
    bar = {"time": 10**9, "high": [2.0] * 3, "low": [0.5] * 3, "close": [1.0] * 3}
    bar |= changes
    with pytest.raises(InvalidBars, match=words):
        state.step(bar.pop("time"), **bar)


def test_too_few_bars_are_refused():
    with pytest.raises(InvalidBars, match="bars: 49 is refused: at least 50"):
        PanelState.of(invented(4, count=49, series=2), CONFIG)
