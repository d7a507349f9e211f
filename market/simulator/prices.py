"""Reference price of every symbol as a pure function of (seed, symbol, minute).

Log price = log reference + beta x market + own walk + demanded shocks. Market and own
walk are mean-reverting over days (anchors) and bridged inside a day by hashed minute
increments whose size follows a clustered volatility; now and then one of them is a jump.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from market.simulator.cache import Recent
from market.simulator.hashing import Floats, Ints, key, normal, uniform
from market.simulator.intervals import DAY, MINUTE
from market.simulator.regimes import SHAPES, Regime, ShockList, scheduled_regimes
from market.simulator.symbols import Symbol

# 2020-01-01T00:00Z: before it nothing was traded.
FIRST_DAY: Final = 18_262
EPOCH_MS: Final = FIRST_DAY * DAY
DAY_MINUTES: Final = 1440

_MARKET_VOLATILITY = 0.024
_REVERSION = 0.99
_JUMP_CHANCE, _JUMP_FACTOR = 1 / 6000, 9.0
_RAMP_MINUTES = 360
_FRACTION = np.arange(DAY_MINUTES + 1) / DAY_MINUTES


class PricePaths:
    """Log prices at minute boundaries, one day (UTC) at a time."""

    def __init__(
        self, seed: int, symbols: Sequence[Symbol], shocks: ShockList | None = None
    ) -> None:
        self._seed = seed
        self._symbols = symbols
        self.shocks = shocks if shocks is not None else ShockList()
        self._market_key = key(seed, "market")
        self._jump_keys = [key(seed, "jump", symbol.base) for symbol in symbols]
        self._own_keys = [key(seed, "own", symbol.base) for symbol in symbols]
        self._market_anchor = np.zeros(1)
        self._own_anchor = np.zeros((1, len(symbols)))
        self._factors = np.ones(0)
        self._regimes: list[Regime] = []
        self._market_days: Recent[int, tuple[Floats, Floats]] = Recent(64)
        self._days: Recent[tuple[int, int], Floats] = Recent(640)

    def log_path(self, symbol: Symbol, day: int) -> Floats:
        """1,441 log prices: at every minute boundary of the day, both ends included."""
        return self._days.get_or_make((symbol.rank, day), self._make_day)

    def minute_volatility(self, symbol: Symbol, day: int) -> Floats:
        """Standard deviation of the log return in each of the day's 1,440 minutes."""
        scale = self.minute_scale(day)
        sigma = np.hypot(symbol.beta * _MARKET_VOLATILITY, symbol.volatility)
        result: Floats = scale * (sigma / np.sqrt(DAY_MINUTES))
        return result

    def minute_scale(self, day: int) -> Floats:
        """Volatility of each of the day's minutes relative to a usual one."""
        return self._market_days.get_or_make(day, self._make_market_day)[1]

    def regime(self, day: int) -> Regime:
        self._extend(day)
        return self._regimes[day - FIRST_DAY]

    def forget_from(self, day: int) -> None:
        """Drop what was computed from this day on (after a new shock)."""
        self._days.drop(lambda entry: entry[1] >= day)

    def _make_day(self, entry: tuple[int, int]) -> Floats:
        rank, day = entry
        symbol = self._symbols[rank]
        market, scale = self._market_days.get_or_make(day, self._make_market_day)
        minutes = day * DAY_MINUTES + np.arange(DAY_MINUTES, dtype=np.int64)
        steps = normal(self._own_keys[rank], minutes) * scale
        jumps = uniform(self._jump_keys[rank], minutes) < _JUMP_CHANCE
        steps[jumps] *= _JUMP_FACTOR
        steps *= symbol.volatility / np.sqrt(DAY_MINUTES)
        anchors = self._own_anchor[day - FIRST_DAY : day - FIRST_DAY + 2, rank]
        own = anchors[0] + (anchors[1] - anchors[0]) * _FRACTION + _bridge(steps)
        path: Floats = np.log(symbol.reference_price) + symbol.beta * market + own
        path += symbol.beta * self._shock_path(day)
        return path

    def _shock_path(self, day: int) -> Floats:
        boundaries = day * DAY_MINUTES + np.arange(DAY_MINUTES + 1, dtype=np.int64)
        total = np.zeros(DAY_MINUTES + 1)
        for shock in self.shocks:
            if shock.start_ms < int(boundaries[-1]) * MINUTE:
                total += shock.path(self._seed, boundaries)
        return total

    def _make_market_day(self, day: int) -> tuple[Floats, Floats]:
        self._extend(day)
        index = day - FIRST_DAY
        minutes = day * DAY_MINUTES + np.arange(DAY_MINUTES, dtype=np.int64)
        scale = self._factors[index] * self._clustering(minutes)
        steps = normal(self._market_key, minutes) * scale
        steps *= _MARKET_VOLATILITY / np.sqrt(DAY_MINUTES)
        first, last = self._market_anchor[index : index + 2]
        return first + (last - first) * self._progress(day) + _bridge(steps), scale

    def _progress(self, day: int) -> Floats:
        """How the day's move is spread: evenly, or within six hours of a crash."""
        if SHAPES[self._regimes[day - FIRST_DAY]].move == 0.0:
            return _FRACTION
        start = int(uniform(key(self._seed, "ramp"), np.array([day]))[0] * 1000)
        boundaries = np.arange(DAY_MINUTES + 1)
        return np.clip((boundaries - start) / _RAMP_MINUTES, 0.0, 1.0)

    def _clustering(self, minutes: Ints) -> Floats:
        slow = _smooth(key(self._seed, "slow"), minutes, 360)
        fast = _smooth(key(self._seed, "fast"), minutes, 30)
        result: Floats = np.exp(0.35 * slow + 0.45 * fast - 0.2)
        return result

    def _extend(self, day: int) -> None:
        """Make the day anchors reach past ``day``."""
        have = len(self._regimes)
        want = day - FIRST_DAY + 1
        if want <= have:
            return
        want += 400
        days = FIRST_DAY + np.arange(have, want, dtype=np.int64)
        regimes = scheduled_regimes(self._seed, days)
        factors = np.array([SHAPES[regime].volatility for regime in regimes])
        moves = np.array([SHAPES[regime].move for regime in regimes])
        self._regimes += regimes
        self._factors = np.concatenate((self._factors, factors))
        market = normal(key(self._seed, "days"), days)[:, None] * _MARKET_VOLATILITY
        market = market * factors[:, None] + moves[:, None]
        own = np.column_stack(
            [
                normal(key(self._seed, "days", symbol.base), days) * symbol.volatility
                for symbol in self._symbols
            ]
        )
        own *= factors[:, None]
        grown = _reverting(self._market_anchor[-1:], market)
        self._market_anchor = np.concatenate((self._market_anchor, grown[:, 0]))
        self._own_anchor = np.concatenate(
            (self._own_anchor, _reverting(self._own_anchor[-1], own))
        )


def _bridge(steps: Floats) -> Floats:
    """Cumulated steps, tilted so that both ends are 0."""
    walk = np.concatenate(([0.0], np.cumsum(steps)))
    walk -= walk[-1] * _FRACTION
    return walk


def _reverting(start: Floats, steps: Floats) -> Floats:
    """The mean-reverting walk after ``start``: one row per row of steps."""
    result = np.empty_like(steps)
    level = start
    for index, step in enumerate(steps):
        level = _REVERSION * level + step
        result[index] = level
    return result


def _smooth(of_key: int, minutes: Ints, knot: int) -> Floats:
    """Hashed normal numbers every ``knot`` minutes, linear in between."""
    at = minutes // knot
    part = (minutes % knot) / knot
    knots = normal(of_key, np.arange(at[0], at[-1] + 2, dtype=np.int64))
    result: Floats = knots[at - at[0]] * (1 - part) + knots[at - at[0] + 1] * part
    return result
