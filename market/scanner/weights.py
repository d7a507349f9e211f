"""How much each factor counts; without NumPy, for all who only store it."""

from dataclasses import dataclass, fields
from math import isfinite

from core.errors import InvalidInput


@dataclass(frozen=True)
class Weights:
    """How much each factor counts; not below 0, not all 0."""

    trend: float = 3.0
    momentum: float = 2.0
    volatility: float = 1.0
    structure: float = 2.5
    flow: float = 1.5
    imbalance: float = 0.5
    carry: float = 1.0
    forecast: float = 3.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (isfinite(value) and value >= 0):
                raise InvalidInput(name, value, "must be a finite number from 0 on")
        if self.total == 0:
            raise InvalidInput("weights", 0, "must not all be 0")

    @property
    def total(self) -> float:
        """Sum of all weights."""
        return float(sum(getattr(self, item.name) for item in fields(self)))


FACTOR_NAMES = tuple(item.name for item in fields(Weights))
