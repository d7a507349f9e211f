"""Bars of one or more series, checked once: what every calculation takes."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from market.indicators.errors import InvalidBars
from market.indicators.types import Flags, Floats, Ints

PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")


@dataclass(frozen=True, eq=False, repr=False)
class Bars:
    """Bars x series: finite prices above 0, low at most high, times rising.

    ``times`` are milliseconds since the epoch, or whatever rising whole numbers the
    caller counts bars with. Raises ``InvalidBars`` naming series, column and row.
    """

    symbols: tuple[str, ...]
    times: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", np.ascontiguousarray(self.times, np.int64))
        shape = (len(self.times), len(self.symbols))
        for column in COLUMNS:
            object.__setattr__(self, column, self._grid(column, shape))
        self._check_times()
        for column in COLUMNS:
            self._check_values(column)
        self._refuse("high", self.high < self.low, "must not be below low")

    @classmethod
    def single(cls, symbol: str, times: Any, **columns: Any) -> "Bars":
        """Return one series from one-dimensional columns."""
        grids = {name: np.asarray(column)[:, None] for name, column in columns.items()}
        return cls((symbol,), times, **grids)

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        return f"Bars({len(self)} of {len(self.symbols)} series)"

    def require(self, least: int) -> None:
        """Raise ``InvalidBars`` when there are fewer bars than ``least``."""
        if len(self) < least:
            symbol = self.symbols[0] if len(self.symbols) == 1 else ""
            raise InvalidBars(
                "bars", len(self), f"at least {least} are needed", symbol=symbol
            )

    def fingerprint(self) -> bytes:
        """Return a hash of everything inside."""
        digest = blake2b("\0".join(self.symbols).encode(), digest_size=16)
        digest.update(self.times.data)
        for column in COLUMNS:
            digest.update(getattr(self, column).data)
        return digest.digest()

    def _grid(self, column: str, shape: tuple[int, int]) -> Floats:
        given = getattr(self, column)
        try:
            grid = np.ascontiguousarray(given, np.float64)
        except (TypeError, ValueError) as error:
            kind = getattr(given, "dtype", type(given).__name__)
            raise InvalidBars(column, str(kind), "must hold numbers") from error
        if grid.shape != shape:
            raise InvalidBars(column, grid.shape, f"must have the shape {shape}")
        return grid

    def _check_times(self) -> None:
        steps = np.diff(self.times)
        if (steps <= 0).any():
            row = int(np.argmax(steps <= 0)) + 1
            rule = f"must be above the time before it, {self.times[row - 1]}"
            symbol = self.symbols[0] if len(self.symbols) == 1 else ""
            raise InvalidBars(
                "time", int(self.times[row]), rule, row=row, symbol=symbol
            )

    def _check_values(self, column: str) -> None:
        values: Floats = getattr(self, column)
        self._refuse(column, ~np.isfinite(values), "must be a finite number")
        if column in PRICES:
            self._refuse(column, values <= 0, "must be above 0")
        else:
            self._refuse(column, values < 0, "must not be below 0")

    def _refuse(self, column: str, wrong: Flags, rule: str) -> None:
        if not wrong.any():
            return
        row, series = (int(place) for place in np.argwhere(wrong)[0])
        value = float(getattr(self, column)[row, series])
        raise InvalidBars(column, value, rule, row=row, symbol=self.symbols[series])
