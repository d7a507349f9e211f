import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.scanner.calibration import bins_of, factor_result, wilson

outcomes = st.lists(
    st.tuples(st.floats(0, 100), st.floats(-1, 1)), min_size=1, max_size=200
)


@given(outcomes)
def test_every_outcome_is_in_one_bin_that_holds_its_score(pairs):
    scores, returns = zip(*pairs, strict=True)
    found = bins_of(scores, returns)
    assert sum(each.outcomes for each in found) == len(pairs)
    assert sum(each.wins for each in found) == sum(r > 0 for r in returns)
    for each in found:
        inside = [
            r
            for s, r in pairs
            if each.score_from <= s < each.score_to or s == each.score_to == 100
        ]
        assert len(inside) == each.outcomes
        assert each.mean_return == pytest.approx(np.mean(inside), abs=1e-12)


def test_a_full_score_is_in_the_last_bin():
    (only,) = bins_of([100.0], [0.1])
    assert (only.score_from, only.score_to) == (90.0, 100.0)


@given(st.integers(1, 500), st.data())
def test_the_interval_holds_the_rate_and_narrows(count, data):
    wins = data.draw(st.integers(0, count))
    low, high = wilson(wins, count)
    assert 0 <= low <= wins / count <= high <= 1
    wide = wilson(wins * 4, count * 4)
    assert wide[1] - wide[0] <= high - low + 1e-12


def test_the_interval_of_a_textbook():
    assert wilson(8, 10) == pytest.approx((0.4901, 0.9433), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_factor_that_ranks_returns_perfectly_has_correlation_one():
    values = list(range(-15, 15))
    found = factor_result(values, [v**3 for v in values])
    assert found.correlation == pytest.approx(1.0)
    assert found.hit_rate == 1.0
    assert factor_result(values, [-v for v in values]).correlation == pytest.approx(-1)


def test_equal_values_share_their_rank():
    found = factor_result([0, 0, 1, 1] * 10, [1, 2, 3, 4] * 10)
    assert found.correlation == pytest.approx(0.8944, abs=1e-4)


def test_shuffled_returns_have_no_edge():
    rng = np.random.default_rng(3)
    values, returns = rng.normal(size=5_000), rng.normal(size=5_000)
    found = factor_result(values, returns)
    assert abs(found.correlation) < 3 / np.sqrt(5_000)
    assert abs(found.hit_rate - 0.5) < 3 * 0.5 / np.sqrt(5_000)


def test_with_few_pairs_nothing_is_said():
    assert factor_result([1.0] * 19, [1.0] * 19) == (19, None, None)
