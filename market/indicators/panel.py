"""Values of the indicators, bars x series."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from market.indicators.types import Floats


@dataclass(frozen=True, eq=False)
class IndicatorPanel:
    """One array per value; NaN during its warm-up.

    Prices in quote asset: the two averages, the MACD lines, the bands, ``atr``.
    0 to 100: ``rsi``, ``adx``. ``bb_width`` is a share of the middle band.
    """

    ema_fast: Floats
    ema_slow: Floats
    rsi: Floats
    macd: Floats
    macd_signal_line: Floats
    macd_histogram: Floats
    bb_upper: Floats
    bb_middle: Floats
    bb_lower: Floats
    bb_width: Floats
    adx: Floats
    atr: Floats

    @classmethod
    def empty(cls, bars: int, series: int) -> Self:
        """Return a panel whose values are still to be written."""
        # One piece of memory costs the system far less than twelve.
        return cls(*np.empty((len(VALUES), bars, series)))

    def part(self, start: int, stop: int) -> "IndicatorPanel":
        """Return the bars from ``start`` to before ``stop``, sharing memory."""
        return IndicatorPanel(*(getattr(self, name)[start:stop] for name in VALUES))

    def column(self, series: int) -> dict[str, Floats]:
        """Return copies of one series' values by name."""
        return {name: getattr(self, name)[:, series].copy() for name in VALUES}


VALUES = tuple(item.name for item in fields(IndicatorPanel))
