"""How money is told."""

from decimal import Decimal

import pytest

from accounts import messages


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("-11.080699999999999999999995", "-11.0807"),
        ("0.093333333333333333", "0.093333333333"),
        ("12345678901.12345678", "12345678901.12345678"),
        ("1E+3", "1000"),
        ("0.100", "0.1"),
    ],
)
def test_money_is_told_in_the_digits_that_it_has_and_no_dust_of_an_average(
    number, told
):
    assert messages.money(Decimal(number)) == told


def test_a_whole_number_of_a_row_that_was_just_made_is_money_too():
    assert messages.money(0) == "0"


def test_nothing_stays_nothing():
    assert messages.money(None) is None
