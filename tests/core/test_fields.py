"""Exact decimals in the database."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import ExchangeAccount, Fill
from core.fields import ExactDecimalField, WordField, is_word, plain


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


@pytest.mark.parametrize(
    "text",
    [
        "策略一",
        "Ωμέγα-2",
        "समूह",
        "العربية",
        "café",
        "cafe\u0301",
        "x",
        "a_b-c",
        "２倍",
        "-",
    ],
)
def test_letters_and_digits_of_any_script_are_a_word(text):
    assert is_word(text)


@pytest.mark.parametrize(
    "text",
    [
        "a b", "a\nb", "a\x00b", "a\u200bb", "a\u202eb", "\u3164", "a\ufe0f", "\u0301a",
        "a.b", "a/b", "a&b", "<b>", "🐂", "a\u00a0b", "\ud800", "\ue000", "\u0378",
    ],
)  # fmt: skip
def test_whatever_else_there_is_in_unicode_is_none(text):
    assert not is_word(text)


def test_a_word_is_composed_however_it_was_typed():
    field = WordField(max_length=4)
    assert field.clean("cafe\u0301", None) == "café"
    assert field.get_prep_value("cafe\u0301") == "café"
    with pytest.raises(ValidationError, match="at most 4 characters"):
        field.clean("cafes", None)
    with pytest.raises(ValidationError, match="any script"):
        field.clean("a b", None)
