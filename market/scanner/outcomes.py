"""What became of a signal, after fees."""

from dataclasses import dataclass

from core.errors import InvalidInput

HORIZONS = (1, 4, 24)
BASIS_POINT = 1e-4
# The whole price: more cannot be taken.
MOST_BPS = 10_000.0


@dataclass(frozen=True)
class Fees:
    """Basis points of the price for each side: taker fee and slippage."""

    fee_bps: float = 5.0
    slippage_bps: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= MOST_BPS:
                raise InvalidInput(name, value, f"must be from 0 to {MOST_BPS:,.0f}")

    @property
    def round_trip(self) -> float:
        """Share of the price that entering and leaving cost."""
        return 2 * (self.fee_bps + self.slippage_bps) * BASIS_POINT


def net_return(direction: str, entry: float, leave: float, fees: Fees) -> float:
    """Return the share of the entry price that was won; a short is booked as -r."""
    gross = leave / entry - 1.0
    return (gross if direction == "long" else -gross) - fees.round_trip
