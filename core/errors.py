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


def _shown(value: object) -> str:
    """A number as people write it; anything else so that an empty text is seen."""
    return str(value) if isinstance(value, Decimal) else repr(value)


class InvalidInput(Permanent):
    """A value breaks a rule."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(f"{field}: {_shown(value)} is refused: {rule}")
        self.field = field
        self.value = value
        self.rule = rule


class Conflict(InvalidInput):
    """A value that what is stored is against: a name taken, a state that has passed."""
