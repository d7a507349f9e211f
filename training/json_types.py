"""Values of JSON as the types of a dataclass's fields; what does not fit is refused."""

from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from core.errors import InvalidInput

# Whole numbers above it are no longer exact in a browser.
LARGEST = 2**53


def typed(name: str, value: Any, wanted: Any) -> Any:
    """Return the value as a field's type; raises ``InvalidInput``.

    A whole number serves as a float, a float without a fraction as a whole number.
    """
    allowed = set(get_args(wanted)) if get_origin(wanted) is UnionType else {wanted}
    if value is None and NoneType in allowed:
        return None
    if allowed & {int, float}:
        return _number(name, value, allowed)
    rule = _other(value, wanted, allowed)
    if rule:
        raise InvalidInput(name, value, rule)
    return value


def _number(name: str, value: Any, allowed: set[Any]) -> int | float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        what = "a number" if float in allowed else "a whole number"
        raise InvalidInput(name, value, f"must be {what}")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise InvalidInput(name, str(value), f"must be within {LARGEST}")
    if float in allowed:
        return value if int in allowed else float(value)
    if not float(value).is_integer():
        raise InvalidInput(name, value, "must be a whole number")
    if abs(value) > LARGEST:
        raise InvalidInput(name, value, f"must be within {LARGEST}")
    return int(value)


def _other(value: Any, wanted: Any, allowed: set[Any]) -> str:
    """Return the rule that the value breaks, or nothing."""
    kind = get_origin(wanted)
    if bool in allowed and not isinstance(value, bool):
        return "must be true or false"
    if (str in allowed or kind is Literal) and not isinstance(value, str):
        return "must be text"
    if kind is tuple and not isinstance(value, tuple):
        return "must be a list"
    texts = wanted == tuple[str, ...]
    if texts and not all(isinstance(one, str) for one in value):
        return "must be a list of texts"
    return ""
