"""Number and text types of Binance messages, with the bounds that make them data.

Numbers come as JSON strings or JSON numbers; decoders use ``strict=False`` so that
both become the declared type in one pass. The bounds refuse NaN, infinity, negative
and zero prices while decoding, at no cost in Python.
"""

import sys
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

_FINITE = sys.float_info.max
# Browsers and databases keep integers exactly up to this one.
_EXACT = 2**53 - 1

Price = Annotated[float, Meta(gt=0.0, le=_FINITE)]
"""A price that somebody can trade at."""

Amount = Annotated[float, Meta(ge=0.0, le=_FINITE)]
"""A quantity or volume, or a price where 0 means none."""

Signed = Annotated[float, Meta(ge=-_FINITE, le=_FINITE)]
"""A finite number of either sign: a change, a rate."""

Rate = Signed | Literal[""]
"""A funding rate; delivery contracts have none and send an empty string."""

Millis = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
"""A time, milliseconds since the epoch, up to the year 9999: microseconds, which
spot sends when asked to, are refused and never taken for milliseconds."""

Id = Annotated[int, Meta(ge=-1, le=_EXACT)]
"""A trade or update id; -1 stands for none."""

OrderId = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""An order id; some have 19 digits."""

Count = Annotated[int, Meta(ge=0, le=_EXACT)]

Symbol = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=256)]

Rows = tuple[tuple[Price, Amount], ...]
"""Book levels (price, quantity); quantity 0 deletes a level in a diff."""

COIN_MARGINED = 2
"""Value of ``st`` in entries of the COIN-M universe."""


class Wire(Struct, frozen=True, gc=False, tag_field="e"):
    """Base of every message that names its type under the key "e"."""


def finite(*values: Decimal | None) -> None:
    """Raise ValueError when one of the amounts is NaN or infinite."""
    for value in values:
        if value is not None and not value.is_finite():
            raise ValueError(f"amount {value} is not finite")


def rate(value: float | Literal[""]) -> float:
    """Return the rate, 0.0 when the exchange sent none."""
    return value if value != "" else 0.0
