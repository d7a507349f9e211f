"""Errors of every floor, split by what the caller can do about them.

QuantaiError
├── Retryable           the same call may succeed later
│   └── BusUnavailable  Redis cannot be reached
└── Permanent           the same call will fail again
    └── InvalidInput    names the field, the value and the rule
"""


class QuantaiError(Exception):
    """Base of the errors raised by this product."""


class Retryable(QuantaiError):
    """The same call may succeed later."""


class BusUnavailable(Retryable):
    """Redis cannot be reached."""


class Permanent(QuantaiError):
    """The same call will fail again."""


class InvalidInput(Permanent):
    """A value breaks a rule."""

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(f"{field}: {value!r} is refused: {rule}")
        self.field = field
        self.value = value
        self.rule = rule
