from decimal import Decimal

from core.errors import (
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
