"""Columns that Django does not have."""

import unicodedata
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

# Letters and marks that show nothing: fillers, joiners, variation selectors.
UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | {
    chr(code)
    for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
    for code in range(first, last + 1)
}

if TYPE_CHECKING:
    DecimalBase = models.Field[Any, Any]
    TextBase = models.CharField[str, str]
else:
    DecimalBase = models.Field
    TextBase = models.CharField


class ExactDecimalField(DecimalBase):
    """A ``Decimal`` that comes back to the last digit, on every database.

    SQLite's own decimals are binary floats, so the number is kept as plain text there;
    PostgreSQL has ``numeric``. Compare and add up in Python, not in SQL. A float is
    taken as the digits that ``repr`` shows. Numbers that are not finite are refused.
    """

    description = "Exact decimal number"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "numeric" if connection.vendor == "postgresql" else "text"

    def to_python(self, value: object) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            number = value
        else:
            try:
                number = Decimal(str(value).strip())
            except InvalidOperation:
                raise ValidationError(f"{value!r} is no number") from None
        if number is not None and not number.is_finite():
            raise ValidationError(f"{value!r} is no finite number")
        return number

    def from_db_value(self, value: Any, *_: object) -> Decimal | None:
        return None if value is None else Decimal(value)

    def get_prep_value(self, value: Any) -> Any:
        if hasattr(value, "resolve_expression"):
            return value
        number = self.to_python(value)
        return None if number is None else plain(number)

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else plain(value)

    def formfield(self, **options: Any) -> Any:
        # Imported here: models are loaded by processes that show no forms.
        from django import forms

        usual = {"required": not self.blank, "label": self.verbose_name}
        if self.has_default():
            usual["initial"] = self.get_default()
        return forms.DecimalField(**{**usual, **options})


class WordField(TextBase):
    """One word in any script: letters, digits, ``_`` and ``-``.

    Kept and looked for in Unicode's composed form (NFC): what looks the same is the
    same, however it was typed.
    """

    description = "Word in any script"

    def to_python(self, value: Any) -> Any:
        return composed(super().to_python(value))

    def get_prep_value(self, value: Any) -> Any:
        return composed(super().get_prep_value(value))

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        if value and not is_word(value):
            raise ValidationError(
                "letters and digits of any script, _ and - are allowed"
            )


def composed(value: Any) -> Any:
    """Return text in its composed form, anything else as it is."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def is_word(text: str) -> bool:
    """Whether it is letters and digits that can be seen, with ``_`` and ``-``."""
    kinds = [unicodedata.category(sign)[0] for sign in text]
    return kinds[:1] != ["M"] and all(
        sign in "_-" or (kind in "LMN" and sign not in UNSEEN)
        for sign, kind in zip(text, kinds, strict=True)
    )


def plain(number: Decimal) -> str:
    """Return the number in plain notation, without an exponent or trailing zeros."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text
