"""What is wrong with the bars that were given."""

from core.errors import InvalidInput


class InvalidBars(InvalidInput):
    """A bar breaks a rule; ``column`` and ``row`` say where.

    ``row`` counts from 0 and is None when the whole column or series is meant.
    """

    def __init__(
        self,
        column: str,
        value: object,
        rule: str,
        *,
        row: int | None = None,
        symbol: str = "",
    ) -> None:
        place = column if row is None else f"{column}, row {row}"
        super().__init__(f"{symbol} {place}".strip(), value, rule)
        self.column = column
        self.row = row
        self.symbol = symbol
