"""What became of a signal, after fees."""

from dataclasses import dataclass

HORIZONS = (1, 4, 24)
BASIS_POINT = 1e-4


@dataclass(frozen=True)
class Fees:
    """Basis points of the price for each side: taker fee and slippage."""

    fee_bps: float = 5.0
    slippage_bps: float = 1.0

    @property
    def round_trip(self) -> float:
        """Share of the price that entering and leaving cost."""
        return 2 * (self.fee_bps + self.slippage_bps) * BASIS_POINT


def net_return(direction: str, entry: float, leave: float, fees: Fees) -> float:
    """Return the share of the entry price that was won; a short is booked as -r."""
    gross = leave / entry - 1.0
    return (gross if direction == "long" else -gross) - fees.round_trip
