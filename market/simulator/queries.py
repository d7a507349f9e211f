"""Parameters of a REST request, read the way the exchange reads them."""

import re
from collections.abc import Mapping

from market.simulator.errors import ApiError, illegal, missing, out_of_range

_SYMBOL = re.compile(r"^[A-Za-z0-9\-_.]{1,20}$")
_SYMBOL_TEXT = "^[A-Z0-9-_.]{1,20}$"
_NUMBER = re.compile(r"^[0-9]{1,20}$")


class Query:
    """Named parameters (query string first, then body)."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values

    def text(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.values.get(name)
        if not value:
            raise missing(name)
        return value

    def maybe(self, name: str) -> str | None:
        """The text of a parameter, None when it was not sent or empty."""
        return self.values.get(name) or None

    def symbol(self) -> str | None:
        """The name that was sent, None when there was none."""
        value = self.values.get("symbol")
        if value is None:
            return None
        if not _SYMBOL.match(value):
            raise illegal("symbol", _SYMBOL_TEXT)
        return value

    def number(self, name: str) -> int | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not _NUMBER.match(value):
            raise illegal(name, _NUMBER.pattern)
        return int(value)

    def limit(self, *, default: int, most: int) -> int:
        value = self.number("limit")
        if value is None:
            return default
        if not 1 <= value <= most:
            raise out_of_range("limit")
        return value

    def window(self) -> tuple[int | None, int | None]:
        """startTime and endTime in ms."""
        start, end = self.number("startTime"), self.number("endTime")
        if start is not None and end is not None and start > end:
            raise ApiError(-1023, "Start time is greater than end time.")
        return start, end
