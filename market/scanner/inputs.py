"""What is known of a symbol when it is judged."""

from dataclasses import dataclass
from math import isfinite

from core.errors import InvalidInput
from market.indicators.result import Indicators

QUANTITIES = ("volume", "taker_base", "bid_quantity", "ask_quantity")


@dataclass(frozen=True)
class ScanInputs:
    """Indicators of closed bars, and what else is there; None is unknown.

    ``volume`` and ``taker_base``: base volume of the last closed bar, and of it what
    takers bought. ``bid_quantity``, ``ask_quantity``: sizes of the best bid and ask.
    ``funding_rate``: share paid by longs at the next funding. ``mark_premium``: mark
    over index price, minus 1. ``forecast``: expected return, a share, of a model that
    is still valid. Raises ``InvalidInput`` for a value that cannot be.
    """

    indicators: Indicators
    volume: float | None = None
    taker_base: float | None = None
    bid_quantity: float | None = None
    ask_quantity: float | None = None
    funding_rate: float | None = None
    mark_premium: float | None = None
    forecast: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name == "indicators" or value is None:
                continue
            if not isfinite(value):
                raise InvalidInput(name, value, "must be a finite number")
            if name in QUANTITIES and value < 0:
                raise InvalidInput(name, value, "must not be below 0")
        if self.volume is not None and (self.taker_base or 0) > self.volume:
            raise InvalidInput("taker_base", self.taker_base, "must not exceed volume")
