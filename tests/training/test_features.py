"""Features never look ahead and are refused by name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from market.indicators.engine import EliteTechnicalEngine
from market.scanner.history import History
from tests.training.candles import rows
from training.features import DEFAULT, FEATURES, check_names, feature_matrix

ENGINE = EliteTechnicalEngine(cache_enabled=False)


def history(bars=200, seed=0):
    made = rows(bars, seed=seed)
    return History.of([(*row[:6], row[8]) for row in made])


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_is_defined_after_the_warm_up_and_says_what_it_is(name):
    found = feature_matrix(history(), [name], ENGINE)[:, 0]
    assert np.isfinite(found[60:]).all()
    assert np.abs(found[60:]).max() < 50
    assert FEATURES[name].text


@settings(max_examples=15, deadline=None)
@given(st.integers(60, 199), st.integers(0, 5))
def test_later_bars_change_no_value(cut, seed):
    whole = history(seed=seed)
    before = feature_matrix(whole.first(cut), tuple(FEATURES), ENGINE)
    after = feature_matrix(whole, tuple(FEATURES), ENGINE)[:cut]
    assert np.allclose(before, after, rtol=1e-9, atol=1e-12, equal_nan=True)


def test_returns_by_hand():
    bars = history()
    found = feature_matrix(bars, ["return_1", "return_4", "body"], ENGINE)
    assert found[10, 0] == bars.close[10] / bars.close[9] - 1
    assert found[10, 1] == bars.close[10] / bars.close[6] - 1
    assert found[10, 2] == (bars.close[10] - bars.open[10]) / bars.open[10]
    assert np.isnan(found[3, 1])


def test_unknown_and_repeated_names_are_refused():
    with pytest.raises(InvalidInput, match=r"moon_phase.*must be one of return_1"):
        check_names(["rsi", "moon_phase"])
    with pytest.raises(InvalidInput, match="twice"):
        check_names(["rsi", "rsi"])
    assert check_names(DEFAULT) == DEFAULT


def test_bars_without_takers_volume_cannot_give_its_share():
    made = [(*row[:6], 0.0) for row in rows(100)]
    with pytest.raises(InvalidInput, match="taker_share"):
        feature_matrix(History.of(made), ["taker_share"], ENGINE)


def test_a_dead_market_has_features_all_the_same():
    """A price that never moves and no volume: quotients of nothing by nothing."""
    dead = [(at * 3_600_000, 100.0, 100.0, 100.0, 100.0, 0.0, 0.0) for at in range(120)]
    found = feature_matrix(History.of(dead), tuple(FEATURES), ENGINE)
    assert np.isfinite(found[60:]).all()
