from decimal import Decimal

import pytest

from core.errors import (
    SHOWN,
    BusUnavailable,
    InvalidInput,
    Permanent,
    QuantaiError,
    Retryable,
)


def test_what_may_succeed_later_is_retryable_and_not_permanent():
    assert issubclass(BusUnavailable, Retryable)
    assert not issubclass(BusUnavailable, Permanent)


def test_invalid_input_is_permanent_and_names_field_value_and_rule():
    error = InvalidInput("interval", "7m", "one of 1m, 15m")
    assert isinstance(error, Permanent)
    assert isinstance(error, QuantaiError)
    assert (error.field, error.value, error.rule) == (
        "interval",
        "7m",
        "one of 1m, 15m",
    )
    assert str(error) == "interval: '7m' is refused: one of 1m, 15m"


def test_an_amount_is_told_as_people_write_it():
    error = InvalidInput("price", Decimal("-1.50"), "must be above 0")
    assert str(error) == "price: -1.50 is refused: must be above 0"
    assert error.value == Decimal("-1.50")


def test_what_is_long_is_repeated_only_in_its_beginning():
    error = InvalidInput("f" * 999, "v" * 999, "must be short")
    told = error.told()
    assert (len(told["field"]), len(told["value"])) == (SHOWN, SHOWN)
    assert told["field"].endswith("f…")
    assert told["value"].endswith("v…")
    assert len(str(error)) < 2 * SHOWN + 50
    assert error.value == "v" * 999


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (7, 7), (0.5, 0.5), (True, True), (None, None), ("", ""), ("x" * 120, "x" * 120),
        (float("inf"), "inf"), (Decimal("1.50"), "1.50"), (("a", "b"), "('a', 'b')"),
        (10**200, "1" + "0" * 118 + "…"), ("x" * 121, "x" * 119 + "…"),
    ],
)  # fmt: skip
def test_a_value_is_told_as_json_can_have_it(value, told):
    assert InvalidInput("field", value, "rule").told()["value"] == told
