import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from market.scanner.factors import Factor
from market.scanner.score import score_of
from market.scanner.weights import FACTOR_NAMES, Weights

VALUES = st.lists(
    st.floats(-1, 1) | st.none(), min_size=len(FACTOR_NAMES), max_size=len(FACTOR_NAMES)
)
EQUAL = Weights(*[1.0] * len(FACTOR_NAMES))


def made(values):
    return [Factor(n, v, "") for n, v in zip(FACTOR_NAMES, values, strict=True)]


def turned(values):
    return [None if value is None else -value for value in values]


@settings(deadline=None)
@given(VALUES)
def test_a_score_keeps_its_ranges(values):
    found = score_of(made(values), Weights())
    assert 0 <= found.score <= 100
    assert 0 <= found.confidence <= 1
    assert -1 <= found.mean <= 1
    assert found.direction == (
        "long" if found.mean > 0 else "short" if found.mean < 0 else "flat"
    )


@settings(deadline=None)
@given(VALUES)
def test_the_opposite_factors_give_the_opposite_direction(values):
    one, other = (
        score_of(made(values), Weights()),
        score_of(made(turned(values)), Weights()),
    )
    assert other.mean == -one.mean
    assert (other.score, other.confidence) == (one.score, one.confidence)


def test_factors_that_agree_are_prime_and_certain():
    found = score_of(made([0.6] * 8), EQUAL)
    assert found.score == pytest.approx(100)
    assert found.confidence == pytest.approx(1)
    assert found.is_prime
    assert not score_of(made([0.4] * 8), EQUAL).is_prime


def test_factors_that_contradict_each_other_are_worth_little():
    found = score_of(made([0.5, -0.5] * 3 + [0.5, 0.5]), EQUAL)
    assert found.mean == pytest.approx(0.125)
    assert found.confidence == pytest.approx(0.25)


def test_unknown_factors_lower_the_confidence_and_not_the_score():
    found = score_of(made([0.6] * 4 + [None] * 4), EQUAL)
    assert found.score == pytest.approx(100)
    assert found.confidence == pytest.approx(0.5)


def test_a_factor_without_weight_has_no_say():
    weights = Weights(1, 0, 0, 0, 0, 0, 0, 0)
    assert score_of(made([0.3] + [-1.0] * 7), weights).mean == pytest.approx(0.3)


@pytest.mark.parametrize("values", [[None] * 8, [0.0] * 8])
def test_nothing_known_or_nothing_said_is_flat(values):
    found = score_of(made(values), EQUAL)
    assert found == (0.0, "flat", 0.0, 0.0)


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"trend": -1.0}, "trend"), ({"flow": float("nan")}, "flow")],
)
def test_a_weight_that_makes_no_sense_is_refused(changes, name):
    with pytest.raises(InvalidInput, match=f"^{name}: "):
        Weights(**changes)


def test_weights_that_are_all_0_are_refused():
    with pytest.raises(InvalidInput, match=r"^weights: "):
        Weights(*[0.0] * 8)


def test_there_is_a_weight_for_every_factor():
    assert tuple(vars(Weights())) == FACTOR_NAMES
