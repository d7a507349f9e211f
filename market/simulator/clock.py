"""Simulated time: real time, or a faster one that never goes back over a restart."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Anchor:
    """At real ``real_ms`` the simulated time was ``sim_ms``."""

    real_ms: int
    sim_ms: int
    speed: float


def real_ms() -> int:
    return time.time_ns() // 1_000_000


class SimClock:
    """``sim = anchor + (real - anchor) x speed + skew``, in ms since epoch.

    ``shown_skew_ms`` may be set at any time: it moves the clock that the exchange shows
    and leaves the market alone.
    """

    def __init__(
        self,
        *,
        speed: float = 1.0,
        skew_ms: int = 0,
        file: Path | None = None,
        real: Callable[[], int] = real_ms,
    ) -> None:
        self._real = real
        self._skew_ms = skew_ms
        self.shown_skew_ms = 0
        self._anchor = _read_anchor(file, speed, real())
        if file is not None and (speed != 1.0 or file.exists()):
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(".tmp")
            draft.write_text(json.dumps(asdict(self._anchor)))
            draft.replace(file)

    @property
    def speed(self) -> float:
        return self._anchor.speed

    def market_ms(self) -> int:
        """Time that drives the market."""
        return _sim_ms(self._anchor, self._real()) + self._skew_ms

    def shown_ms(self) -> int:
        """Time that ``/time`` answers: the market's, moved by ``shown_skew_ms``."""
        return self.market_ms() + self.shown_skew_ms

    def seconds_until(self, market_ms: int) -> float:
        """Real seconds from now until that market time; negative when it is past."""
        return (market_ms - self.market_ms()) / 1000.0 / self._anchor.speed


def _sim_ms(anchor: Anchor, real: int) -> int:
    return anchor.sim_ms + int((real - anchor.real_ms) * anchor.speed)


def _read_anchor(file: Path | None, speed: float, real: int) -> Anchor:
    if file is None or not file.exists():
        return Anchor(real, real, speed)
    kept = Anchor(**json.loads(file.read_text()))
    if kept.speed == speed:
        return kept
    return Anchor(real, max(real, _sim_ms(kept, real)), speed)
