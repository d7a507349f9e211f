"""Market regimes: drawn per day from the seed, plus CRASH and RALLY on demand.

A demanded move is a :class:`Shock`: it begins at a minute that has not begun yet, and the
list of shocks is kept in a file, so that history stays a pure function of (seed, shocks).
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from market.simulator.hashing import Floats, Ints, key, normal, uniform
from market.simulator.intervals import DAY, MINUTE


class Regime(StrEnum):
    NORMAL = "NORMAL"
    HIGH_VOLATILITY = "HIGH_VOLATILITY"
    LOW_VOLATILITY = "LOW_VOLATILITY"
    CRASH = "CRASH"
    RALLY = "RALLY"


@dataclass(frozen=True)
class RegimeShape:
    """``share`` of days, factor on volatility, log move of the market over the day."""

    share: float
    volatility: float
    move: float


SHAPES = {
    Regime.NORMAL: RegimeShape(0.72, 1.0, 0.0),
    Regime.HIGH_VOLATILITY: RegimeShape(0.12, 3.0, 0.0),
    Regime.LOW_VOLATILITY: RegimeShape(0.12, 0.35, 0.0),
    Regime.CRASH: RegimeShape(0.02, 2.6, math.log(0.77)),
    Regime.RALLY: RegimeShape(0.02, 2.0, math.log(1.16)),
}
_HALF_LIFE_MINUTES = 4 * 1440


def scheduled_regimes(seed: int, days: Ints) -> list[Regime]:
    """The regime of each day (days since epoch)."""
    edges = np.cumsum([shape.share for shape in SHAPES.values()])
    picks = np.searchsorted(edges, uniform(key(seed, "regime"), days), side="right")
    names = list(SHAPES)
    return [names[min(int(pick), len(names) - 1)] for pick in picks]


@dataclass(frozen=True)
class Shock:
    """A move of the whole market: ``log_shift`` reached after ``ramp_minutes``."""

    kind: Regime
    start_ms: int
    log_shift: float
    ramp_minutes: int

    def path(self, seed: int, minutes: Ints) -> Floats:
        """Log displacement at each minute (minutes since epoch); 0 up to the start."""
        first = self.start_ms // MINUTE
        age = np.maximum(minutes - first, 0)
        progress = np.minimum(age / self.ramp_minutes, 1.0)
        fade = np.exp2(-np.maximum(age - self.ramp_minutes, 0) / _HALF_LIFE_MINUTES)
        steps = np.arange(1, self.ramp_minutes + 1, dtype=np.int64)
        noise = normal(key(seed, "shock", first), steps) * abs(self.log_shift) * 0.06
        walk = np.concatenate(([0.0], np.cumsum(noise)))
        walk -= walk[-1] * np.arange(len(walk)) / self.ramp_minutes
        result: Floats = (
            self.log_shift * progress * fade + walk[np.minimum(age, self.ramp_minutes)]
        )
        return result


def demanded_shock(kind: str, *, now_ms: int, ramp_minutes: int = 10) -> Shock:
    """A CRASH or RALLY that begins with the next minute."""
    regime = Regime(kind)
    if regime not in (Regime.CRASH, Regime.RALLY):
        raise ValueError(f"only CRASH and RALLY can be asked for, not {kind}")
    start = (now_ms // MINUTE + 1) * MINUTE
    return Shock(regime, start, SHAPES[regime].move, ramp_minutes)


class ShockList:
    """The demanded moves, kept in ``shocks.json`` of the state folder."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._shocks: list[Shock] = []
        if file is not None and file.exists():
            rows = json.loads(file.read_text())
            self._shocks = [
                Shock(**{**row, "kind": Regime(row["kind"])}) for row in rows
            ]

    def __iter__(self) -> Iterator[Shock]:
        return iter(tuple(self._shocks))

    def add(self, shock: Shock) -> None:
        self._shocks.append(shock)
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".tmp")
        draft.write_text(json.dumps([asdict(entry) for entry in self._shocks]))
        draft.replace(self._file)

    def active_kind(self, now_ms: int) -> Regime | None:
        """The demanded regime of the day that follows a shock."""
        for shock in reversed(self._shocks):
            if shock.start_ms <= now_ms < shock.start_ms + DAY:
                return shock.kind
        return None
