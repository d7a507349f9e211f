"""Candles as columns: the shape into which every kind of file is read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

PRICES = ("open", "high", "low", "close")
VOLUMES = ("volume", "quote_volume", "taker_base", "taker_quote")
# In the order of the table that stores them.
VALUES = (*PRICES, "volume", "quote_volume", "trades", "taker_base", "taker_quote")
NEEDED = (*PRICES, "volume")


class FileProblem(Exception):
    """The file as a whole cannot be read as candles."""


@dataclass(frozen=True)
class Bars:
    """``open_times`` in ms since the epoch, ``values`` as in the file by column name.

    ``lines`` are the places in the file. Columns that the file lacks are absent.
    """

    open_times: Ints
    lines: Ints
    values: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.open_times)

    def take(self, chosen: "Ints | Mask | slice") -> "Bars":
        """Return the chosen rows, in the order given."""
        return Bars(
            self.open_times[chosen],
            self.lines[chosen],
            {name: column[chosen] for name, column in self.values.items()},
        )

    def column(self, name: str) -> Floats:
        """Return a column; zeros when the file lacks it."""
        found = self.values.get(name)
        return np.zeros(len(self)) if found is None else found

    def rows(self) -> Iterable[tuple[Any, ...]]:
        """Return plain values in the order of the table: open time, then ``VALUES``."""
        columns: list[Sequence[Any]] = [self.open_times.tolist()]
        for name in VALUES:
            column = self.column(name)
            whole = column.astype(np.int64) if name == "trades" else column
            columns.append(whole.tolist())
        return zip(*columns, strict=True)


def joined(parts: Sequence[Bars], names: Iterable[str]) -> Bars:
    """Return the parts one after the other; ``names`` are their columns."""
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return Bars(nothing, nothing, {name: np.zeros(0) for name in names})
    return Bars(
        np.concatenate([part.open_times for part in parts]),
        np.concatenate([part.lines for part in parts]),
        {name: np.concatenate([part.values[name] for part in parts]) for name in names},
    )
