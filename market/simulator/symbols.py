"""One listed contract: precision, liquidity, and its numbers as the wire writes them.

Prices are integers in units of 10^-price_decimals and always a multiple of
``tick_units``; quantities are integers in units of one step. Sums over them are exact.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from market.simulator.hashing import key
from market.simulator.listing import LIVE

# Trades and price moves in a minute at speed 1, by rank of daily volume:
# (rank below, trades, moves). The book changes every N slots of 50 ms (last column).
_LIQUIDITY = ((2, 240, 60, 1), (20, 120, 30, 1), (60, 60, 12, 3), (140, 24, 12, 3))


@dataclass(frozen=True)
class Symbol:
    """A USDT perpetual that trades. ``rank`` counts from 0, the most traded."""

    name: str
    base: str
    rank: int
    reference_price: float
    tick_decimals: int
    price_decimals: int
    quantity_decimals: int
    daily_volume: float
    trades_per_minute: int
    moves_per_minute: int
    book_slots: int
    spread_ticks: int
    beta: float
    volatility: float

    @property
    def lower(self) -> str:
        return self.name.lower()

    @property
    def tick_units(self) -> int:
        """Price units in one tick."""
        return int(10 ** (self.price_decimals - self.tick_decimals))

    @property
    def tick(self) -> float:
        return float(10.0**-self.tick_decimals)

    def price_text(self, units: int) -> str:
        return decimal_text(units, self.price_decimals)

    def quantity_text(self, steps: int) -> str:
        return decimal_text(steps, self.quantity_decimals)

    def value_text(self, value: int) -> str:
        """Of a product price x quantity."""
        return decimal_text(value, self.price_decimals + self.quantity_decimals)


def decimal_text(units: int, decimals: int) -> str:
    """``units`` x 10^-``decimals`` with exactly so many digits after the point."""
    if decimals == 0:
        return str(units)
    sign = "-" if units < 0 else ""
    whole, rest = divmod(abs(units), 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}"


def float_writer(decimals: int) -> Callable[[int], str]:
    """Faster ``decimal_text`` for numbers below 2^53."""
    scale, write = float(10**decimals), f"%.{decimals}f"
    return lambda units: write % (units / scale)


def list_symbols(*, seed: int, speed: float, count: int) -> tuple[Symbol, ...]:
    """The first ``count`` contracts. Trades per simulated minute shrink with speed."""
    rows = [line.split() for line in LIVE.split("\n") if line]
    return tuple(
        _symbol(rank, row, seed=seed, speed=speed)
        for rank, row in enumerate(rows[:count])
    )


def _symbol(rank: int, row: list[str], *, seed: int, speed: float) -> Symbol:
    base, price, tick_decimals, price_decimals, quantity_decimals, volume = row
    _, trades, moves, slots = next(tier for tier in _LIQUIDITY if rank < tier[0])
    trades = max(1, round(trades / speed))
    moves = max(1, min(trades, round(moves / speed)))
    trades -= trades % moves
    draw = np.random.default_rng(key(seed, "symbol", base)).random(3)
    return Symbol(
        name=f"{base}USDT",
        base=base,
        rank=rank,
        reference_price=float(price),
        tick_decimals=int(tick_decimals),
        price_decimals=int(price_decimals),
        quantity_decimals=int(quantity_decimals),
        daily_volume=float(volume) * 1e6,
        trades_per_minute=trades,
        moves_per_minute=moves,
        book_slots=slots,
        spread_ticks=1 if rank < 20 else 1 + int(draw[0] * 3),
        beta=1.0 if rank == 0 else 0.8 + 0.9 * float(draw[1]),
        volatility=0.003 if rank == 0 else 0.012 + 0.022 * float(draw[2]),
    )
