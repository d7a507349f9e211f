"""Errors of every floor, split by what the caller can do about them.

QuantaiError
├── Retryable           the same call may succeed later
│   ├── BusUnavailable  Redis cannot be reached
│   └── NameTaken       a process of the same name is alive
└── Permanent           the same call will fail again
    ├── AppendOnly      what is kept for good may not be changed
    └── InvalidInput    names the field, the value and the rule
        └── Conflict    the value is right by itself, what is stored is against it
"""

from decimal import Decimal
from typing import Any

# Characters that an error repeats of what it was given.
SHOWN = 120


class QuantaiError(Exception):
    """Base of the errors raised by this product."""


class Retryable(QuantaiError):
    """The same call may succeed later."""


class BusUnavailable(Retryable):
    """Redis cannot be reached."""


class NameTaken(Retryable):
    """Another process of the same name is alive."""


class Permanent(QuantaiError):
    """The same call will fail again."""


class AppendOnly(Permanent):
    """What is kept for good may not be changed or removed."""


def shortened(text: str, most: int = SHOWN) -> str:
    """Return at most so many characters; an ellipsis ends what was longer."""
    return text if len(text) <= most else text[: most - 1] + "…"


def echoed(value: object) -> Any:
    """Return a refused value as JSON may repeat it; a long one is its beginning."""
    if value is None:
        return None
    text = str(value)
    number = isinstance(value, int | float) and text not in ("nan", "inf", "-inf")
    return value if number and len(text) <= SHOWN else shortened(text)


def _shown(value: object) -> str:
    """A number as people write it; anything else so that an empty text is seen."""
    return shortened(str(value) if isinstance(value, Decimal) else repr(value))


class InvalidInput(Permanent):
    """A value breaks a rule."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        self.field = shortened(field)
        self.value = value
        self.rule = rule
        super().__init__(f"{self.field}: {_shown(value)} is refused: {self.rule}")

    def told(self) -> dict[str, Any]:
        """Return field, value and rule as REST tells them."""
        return {
            "field": self.field,
            "value": echoed(self.value),
            "rule": self.rule,
        }


class Conflict(InvalidInput):
    """A value that what is stored is against: a name taken, a state that has passed."""
