import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market.indicators import IndicatorConfig
from market.indicators.drawing import zones_of
from market.indicators.numpy_backend import NumpyBackend
from market.indicators.structure import structure_features
from tests.market.indicators.series import KINDS, STEP_MS, invented, plain

CONFIG = IndicatorConfig()


def test_a_filled_gap_is_drawn_from_its_middle_bar_to_the_bar_that_filled_it():
    rows = [
        (9.5, 10, 9, 9.8), (10, 13, 10, 12.8), (12.8, 14, 12, 13.9),
        (13, 14, 11, 13), (13, 13, 10, 10.5),
    ]  # fmt: skip
    times = plain(rows).times
    (gap,) = [zone for zone in zones_of(plain(rows), CONFIG) if zone.side == "bullish"]
    assert gap == ("fair_value_gap", "bullish", times[1], times[4], 10.0, 12.0)


def test_a_bearish_gap_that_is_open_has_no_end_and_its_low_below_its_high():
    rows = [(10, 10, 9, 9.2), (9, 9, 6, 6.2), (6.2, 8, 5, 5.5)]
    times = plain(rows).times
    (gap,) = zones_of(plain(rows), CONFIG)
    assert gap == ("fair_value_gap", "bearish", times[1], None, 8.0, 9.0)


@given(st.integers(0, 10_000), st.sampled_from(KINDS))
def test_what_is_drawn_open_at_the_last_bar_is_what_the_features_count(seed, kind):
    bars = invented(seed, kind=kind)
    panel = NumpyBackend().calculate(bars, CONFIG)
    found = structure_features(bars, panel.column(0)["atr"], CONFIG)
    open_now = [
        (zone.kind, zone.side) for zone in zones_of(bars, CONFIG) if zone.until is None
    ]
    assert open_now.count(("fair_value_gap", "bullish")) == found.bullish_gaps[-1]
    assert open_now.count(("fair_value_gap", "bearish")) == found.bearish_gaps[-1]
    assert open_now.count(("order_block", "bullish")) == found.bullish_order_blocks[-1]
    assert open_now.count(("order_block", "bearish")) == found.bearish_order_blocks[-1]


@given(st.integers(0, 10_000))
def test_a_block_is_as_high_as_the_bar_that_it_stands_at(seed):
    bars = invented(seed)
    for zone in zones_of(bars, CONFIG):
        if zone.kind == "order_block":
            at = zone.since // STEP_MS
            edges = bars.low[at, 0], bars.high[at, 0]
            assert np.allclose((zone.low, zone.high), edges, rtol=0, atol=0)
        assert zone.low < zone.high
