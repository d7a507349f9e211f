"""Exact decimals in the database."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import ExchangeAccount, Fill
from core.fields import ExactDecimalField, plain


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18))
def test_plain_text_is_the_same_number_without_exponent(number):
    text = plain(number)
    assert Decimal(text) == number
    assert "E" not in text.upper()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "abc"])
def test_what_is_no_finite_number_is_refused_by_its_text(number):
    with pytest.raises(ValidationError, match=number):
        ExactDecimalField().to_python(number)


def test_a_float_is_taken_as_the_digits_it_shows():
    assert ExactDecimalField().to_python(0.1) == Decimal("0.1")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "number", ["0.1", "12345678901234567890.123456789012345678", "-0.00000001", "0"]
)
def test_a_number_comes_back_from_the_database_to_the_last_digit(number):
    account = ExchangeAccount.objects.create(
        venue="simulator", name="one", weight=Decimal(number), created_at=0
    )
    account.refresh_from_db()
    assert account.weight == Decimal(number)
    assert ExchangeAccount.objects.filter(weight=Decimal(number)).count() == 1


def test_a_form_begins_with_the_default():
    weight = ExchangeAccount._meta.get_field("weight")
    assert weight.formfield().initial == Decimal(1)
    assert Fill._meta.get_field("price").formfield().initial is None
