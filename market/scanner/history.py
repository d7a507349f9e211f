"""The closed bars of one series as arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from market.indicators.bars import Bars
from market.indicators.types import Floats, Ints

COLUMNS = ("open", "high", "low", "close", "volume", "taker_base")
Row = tuple[int, float, float, float, float, float, float]


@dataclass(frozen=True, eq=False)
class History:
    """Bars in time order; ``times`` are open times in ms, ``taker_base`` base units."""

    times: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    taker_base: Floats

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "History":
        """Return the bars of rows (open time and ``COLUMNS``)."""
        columns = list(zip(*rows, strict=True)) or [()] * (1 + len(COLUMNS))
        times = np.array(columns[0], np.int64)
        return cls(times, *(np.array(each, np.float64) for each in columns[1:]))

    def __len__(self) -> int:
        return len(self.times)

    def last_taker_base(self) -> float | None:
        """Return what takers bought in the last bar.

        Files without the takers' share hold zeros: that is unknown, not "nobody".
        """
        if not self.taker_base.any() and self.volume.any():
            return None
        return float(self.taker_base[-1])

    def last(self, count: int) -> "History":
        """Return the newest bars."""
        return History(**{name: each[-count:] for name, each in vars(self).items()})

    def until(self, open_time: int) -> "History":
        """Return the bars up to the one that opened then."""
        return self.first(int(np.searchsorted(self.times, open_time, side="right")))

    def slice(self, start: int, stop: int) -> "History":
        """Return the bars from number ``start`` to before ``stop``."""
        return History(**{name: each[start:stop] for name, each in vars(self).items()})

    def stretches(self, step: int) -> list[tuple[int, int]]:
        """Return (start, stop) of every run of bars ``step`` ms apart."""
        if not len(self):
            return []
        edges = (np.flatnonzero(np.diff(self.times) != step) + 1).tolist()
        return list(zip([0, *edges], [*edges, len(self)], strict=True))

    def first(self, count: int) -> "History":
        """Return the oldest bars."""
        return History(**{name: each[:count] for name, each in vars(self).items()})

    def followed_by(self, newer: "History") -> "History":
        """Return these bars and those of ``newer`` that come after them."""
        after = newer.times > (self.times[-1] if len(self) else -1)
        return History(
            **{
                name: np.concatenate((each, getattr(newer, name)[after]))
                for name, each in vars(self).items()
            }
        )

    def bars(self, symbol: str) -> Bars:
        """Return them checked; raises ``InvalidBars``."""
        columns = {name: getattr(self, name) for name in COLUMNS[:-1]}
        return Bars.single(symbol, self.times, **columns)


def panel(series: Sequence[tuple[str, History]]) -> Bars:
    """Return series of the same times beside each other; raises ``InvalidBars``."""
    columns = {
        name: np.column_stack([getattr(history, name) for _, history in series])
        for name in COLUMNS[:-1]
    }
    symbols = tuple(symbol for symbol, _ in series)
    return Bars(symbols, series[0][1].times, **columns)
