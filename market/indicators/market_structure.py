"""Market structure: which way closes last broke a confirmed swing.

Our definition of the terms as used by M. J. Huddleston (Inner Circle Trader):

* The level above is the newest confirmed swing high, the level below the newest
  confirmed swing low. A level is used up by the close that breaks it.
* A close above the level above is a break upwards. It is a *break of structure* (BOS)
  when the structure was bullish or neutral, a *change of character* (CHoCH) when it
  was bearish. The structure is bullish from then on. Mirrored below.
* A close beyond both levels at once breaks the one with the newer swing.
"""

from dataclasses import dataclass

import numpy as np

from market.indicators.swings import Swings
from market.indicators.types import Codes, Floats, Ints

STRUCTURE_EVENTS = {
    -2: "choch_down",
    -1: "bos_down",
    0: "none",
    1: "bos_up",
    2: "choch_up",
}
BOS, CHOCH = 1, 2
NO_BAR = -1


@dataclass(frozen=True, eq=False)
class MarketStructure:
    """Per bar: direction (-1, 0, 1), event (``STRUCTURE_EVENTS``), broken swing.

    ``origins`` is the bar of the swing that the event broke, ``NO_BAR`` without one.
    """

    directions: Codes
    events: Codes
    origins: Ints


@dataclass
class _Level:
    """A price that a close can break; ``bar`` is where the swing stands."""

    price: float
    bar: int = NO_BAR


def find_structure(close: Floats, swings: Swings) -> MarketStructure:
    """Return the structure of one series."""
    count = len(close)
    directions, events = np.zeros(count, np.int8), np.zeros(count, np.int8)
    origins = np.full(count, NO_BAR, np.int64)
    above, below, direction = _Level(np.inf), _Level(-np.inf), 0
    rows = zip(close.tolist(), swings.highs.tolist(), swings.lows.tolist(), strict=True)
    for bar, (price, swing_high, swing_low) in enumerate(rows):
        # NaN, no swing, is not equal to itself.
        if swing_high == swing_high:
            above = _Level(swing_high, bar - swings.wing)
        if swing_low == swing_low:
            below = _Level(swing_low, bar - swings.wing)
        side = _broken_side(price, above, below)
        if side:
            events[bar] = side * (CHOCH if direction == -side else BOS)
            origins[bar] = above.bar if side > 0 else below.bar
            direction = side
            above = _Level(np.inf) if price > above.price else above
            below = _Level(-np.inf) if price < below.price else below
        directions[bar] = direction
    return MarketStructure(directions, events, origins)


def _broken_side(price: float, above: _Level, below: _Level) -> int:
    up, down = price > above.price, price < below.price
    if up and down:
        return 1 if above.bar >= below.bar else -1
    return int(up) - int(down)
