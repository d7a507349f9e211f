"""The one JSON encoder: Decimal as string, non-finite numbers as null."""

from decimal import Decimal
from typing import Any

import orjson


def _default(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else None
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no wire form")


def encode(value: object) -> bytes:
    """Return ``value`` as UTF-8 JSON.

    Raises ``TypeError`` for a type without a wire form. NaN and infinities become
    null because browsers refuse the whole document otherwise.
    """
    return orjson.dumps(value, default=_default)


def decode(raw: bytes | str) -> Any:
    """Return the document in ``raw``; raises ``ValueError`` when it is not JSON."""
    return orjson.loads(raw)
