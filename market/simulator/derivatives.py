"""Mark and index price, funding, open interest and liquidations of the perpetuals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from market.simulator.hashing import Floats, Ints, hashes, key, normal, uniform
from market.simulator.intervals import HOUR, MINUTE
from market.simulator.prices import DAY_MINUTES, PricePaths
from market.simulator.symbols import Symbol

FUNDING_PERIOD: Final = 8 * HOUR
INTEREST_RATE: Final = "0.00010000"


@dataclass(frozen=True, eq=False)
class Marks:
    """By rank. Prices in USDT."""

    mark: Floats
    index: Floats
    rates: Floats
    next_funding_ms: int


@dataclass(frozen=True)
class Liquidation:
    """A forced order that was filled; price in units, quantities in steps."""

    rank: int
    side: str
    price: int
    average_price: int
    quantity: int
    time_ms: int


class Derivatives:
    def __init__(self, seed: int, symbols: Sequence[Symbol], paths: PricePaths) -> None:
        self._symbols = symbols
        self._paths = paths
        self._premium_keys = self._keys(seed, "premium")
        self._funding_keys = self._keys(seed, "funding")
        self._interest_keys = self._keys(seed, "interest")
        self._liquidation_key = key(seed, "liquidation")
        self._minute = -1
        self._bounds = np.zeros((2, len(symbols)))
        self._premiums = np.zeros((2, len(symbols)))

    def at(self, time_ms: int) -> Marks:
        """Marks of all symbols at the instant, within 0.1 % of the price path."""
        minute, rest = divmod(time_ms, MINUTE)
        if minute != self._minute:
            self._load(minute)
        part = rest / MINUTE
        index = np.exp(self._bounds[0] * (1 - part) + self._bounds[1] * part)
        premium = self._premiums[0] * (1 - part) + self._premiums[1] * part
        period = time_ms // FUNDING_PERIOD + 1
        return Marks(
            mark=index * (1.0 + premium),
            index=index,
            rates=self.funding_rates(period),
            next_funding_ms=period * FUNDING_PERIOD,
        )

    def funding_rates(self, period: int) -> Floats:
        """Rates paid at ``period`` x 8 h."""
        drawn = normal(self._funding_keys, np.full(len(self._symbols), period))
        return np.clip(0.0001 + 0.00008 * drawn, -0.003, 0.003)

    def mark_at_funding(self, symbol: Symbol, period: int) -> float:
        day, rest = divmod(period * FUNDING_PERIOD // MINUTE, DAY_MINUTES)
        return float(np.exp(self._paths.log_path(symbol, day)[rest]))

    def open_interest(self, symbol: Symbol, time_ms: int) -> int:
        """Steps."""
        minute = np.array([time_ms // (5 * MINUTE)])
        drawn = float(normal(int(self._interest_keys[symbol.rank]), minute)[0])
        coins = symbol.daily_volume / symbol.reference_price * 0.35
        return int(coins * (1 + 0.01 * drawn) * 10**symbol.quantity_decimals)

    def liquidations(
        self, second: int, prices: Ints, time_ms: int
    ) -> list[Liquidation]:
        """Forced orders of one real second (counted by the caller): mostly none."""
        hashed = hashes(self._liquidation_key, np.array([second]))
        if float(uniform(self._liquidation_key ^ 1, np.array([second]))[0]) > 0.12:
            return []
        value = int(hashed[0])
        symbol = self._symbols[value % len(self._symbols)]
        unit = symbol.tick_units
        last = int(prices[symbol.rank])
        sell = bool(value & 1024)
        away = max(1, last // unit // 100) * unit
        usd = 200 + (value >> 20) % 40_000
        price = last / 10**symbol.price_decimals
        return [
            Liquidation(
                rank=symbol.rank,
                side="SELL" if sell else "BUY",
                price=last - away if sell else last + away,
                average_price=last,
                quantity=max(1, int(usd / price * 10**symbol.quantity_decimals)),
                time_ms=time_ms,
            )
        ]

    def _keys(
        self, seed: int, name: str
    ) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        return np.array(
            [key(seed, name, symbol.base) for symbol in self._symbols], dtype=np.uint64
        )

    def _load(self, minute: int) -> None:
        day, rest = divmod(minute, DAY_MINUTES)
        for symbol in self._symbols:
            path = self._paths.log_path(symbol, day)
            self._bounds[:, symbol.rank] = path[rest : rest + 2]
        for row in range(2):
            minutes = np.full(len(self._symbols), minute + row)
            drawn = np.clip(normal(self._premium_keys, minutes), -2.5, 2.5)
            self._premiums[row] = drawn * 0.0002
        self._minute = minute
