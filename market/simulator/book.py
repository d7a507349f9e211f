"""The order book: a pure function of (seed, symbol, slot), ``DEPTH`` ticks on each side.

The size at a price is drawn anew every few slots: prices near the top often, far ones
seldom. Update ids are one global rising number, ``slot x 1024 + rank``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from market.simulator.hashing import Hashes, Ints, hashes, key, mix_array, uniform_of
from market.simulator.symbols import Symbol

DEPTH: Final = 1000
ID_STEP: Final = 1024

# Slots between two sizes of a price, by distance from the top in ticks. The top itself
# uses ``Symbol.book_slots``.
_NEAR, _MIDDLE, _NEAR_SLOTS, _MIDDLE_SLOTS, _FAR_SLOTS = 5, 25, 4, 16, 256
_SIDE_BID, _SIDE_ASK = "bid", "ask"


def update_id(slot: int, symbol: Symbol) -> int:
    """``u`` of a diff that ends with the slot."""
    return slot * ID_STEP + symbol.rank


def snapshot_id(slot: int, symbol: Symbol) -> int:
    """``lastUpdateId`` of a snapshot: after the slot's diff, inside the next one."""
    return update_id(slot, symbol) + ID_STEP // 2


def first_update_id(previous: int, symbol: Symbol) -> int:
    """``U`` of a diff after ``previous``: ids of other symbols lie between."""
    drawn = int(mix_array(np.array([previous], dtype=np.uint64))[0])
    return update_id(previous, symbol) + 1 + drawn % (ID_STEP // 2 - 1)


@dataclass(frozen=True, eq=False)
class Side:
    """Levels of one side, one at every tick from the best price away.

    A version tells how often the size at its price was drawn.
    """

    best: int  # ticks
    direction: int  # -1 bids, +1 asks
    unit: int  # price units in a tick
    usual: int  # steps
    phases: Hashes
    versions: Ints

    @property
    def price(self) -> int:
        """The best price in units."""
        return self.best * self.unit

    @property
    def prices(self) -> Ints:
        """Units, best first."""
        return self.ticks(0, len(self.versions)) * self.unit

    @property
    def sizes(self) -> Ints:
        """Steps, best first."""
        return _sizes(self.phases, self.versions, self.usual)

    def ticks(self, start: int, stop: int) -> Ints:
        """Prices of the levels ``start`` to ``stop``."""
        steps = np.arange(start, max(start, stop), dtype=np.int64)
        return self.best + self.direction * steps

    def sizes_at(self, ticks: Ints) -> Ints:
        """Steps at each price, 0 where nothing rests."""
        index = self.direction * (ticks - self.best)
        inside = (index >= 0) & (index < len(self.versions))
        index = np.where(inside, index, 0)
        sizes = _sizes(self.phases[index], self.versions[index], self.usual)
        return np.where(inside, sizes, 0)


@dataclass(frozen=True, eq=False)
class Book:
    """Both sides at a slot."""

    slot: int
    bids: Side
    asks: Side


class BookMaker:
    """Sizes of the books of all symbols."""

    def __init__(self, seed: int, symbols: Sequence[Symbol]) -> None:
        self._bid_keys = _keys(seed, symbols, _SIDE_BID)
        self._ask_keys = _keys(seed, symbols, _SIDE_ASK)
        self._units = np.array([symbol.tick_units for symbol in symbols])
        self._slots = np.array([symbol.book_slots for symbol in symbols])
        self._usual = np.array([_usual_size(symbol) for symbol in symbols])
        distance = np.arange(DEPTH)
        self._periods = np.where(
            distance < _NEAR,
            _NEAR_SLOTS,
            np.where(distance < _MIDDLE, _MIDDLE_SLOTS, _FAR_SLOTS),
        )

    def tops(self, slot: int, bids: Ints, asks: Ints) -> tuple[Ints, Ints]:
        """Sizes at the best prices of all symbols (rows by rank)."""
        sides = []
        for keys, prices in ((self._bid_keys, bids), (self._ask_keys, asks)):
            phases = hashes(keys, prices // self._units)
            versions = _versions(phases, self._slots, slot)
            sides.append(_sizes(phases, versions, self._usual))
        return sides[0], sides[1]

    def book(
        self, symbol: Symbol, slot: int, bid: int, ask: int, depth: int = DEPTH
    ) -> Book:
        """The book around the given best prices, ``depth`` levels of each side."""
        unit = symbol.tick_units
        return Book(
            slot=slot,
            bids=self._side(symbol, slot, bid // unit, -1, min(depth, bid // unit)),
            asks=self._side(symbol, slot, ask // unit, 1, depth),
        )

    def _side(
        self, symbol: Symbol, slot: int, best: int, direction: int, depth: int
    ) -> Side:
        keys = self._bid_keys if direction < 0 else self._ask_keys
        periods = self._periods[:depth].copy()
        periods[0] = symbol.book_slots
        ticks = best + direction * np.arange(depth, dtype=np.int64)
        phases = hashes(int(keys[symbol.rank]), ticks)
        return Side(
            best=best,
            direction=direction,
            unit=symbol.tick_units,
            usual=int(self._usual[symbol.rank]),
            phases=phases,
            versions=_versions(phases, periods, slot),
        )


def touched(before: Side, after: Side) -> Ints:
    """Ticks that entered, left or were drawn anew between two slots."""
    shift = after.direction * (after.best - before.best)
    start = min(max(0, -shift), len(after.versions))
    stop = max(start, min(len(after.versions), len(before.versions) - shift))
    drawn = (
        after.versions[start:stop] != before.versions[start + shift : stop + shift]
        if stop > start
        else np.zeros(0, dtype=np.bool_)
    )
    first, last = (start + shift, stop + shift) if stop > start else (0, 0)
    return np.concatenate(
        (
            after.ticks(start, stop)[drawn],
            after.ticks(0, start),
            after.ticks(stop, len(after.versions)),
            before.ticks(0, first),
            before.ticks(last, len(before.versions)),
        )
    )


def _keys(seed: int, symbols: Sequence[Symbol], side: str) -> Hashes:
    return np.array(
        [key(seed, "book", side, symbol.base) for symbol in symbols], dtype=np.uint64
    )


def _versions(phases: Hashes, periods: Ints, slot: int) -> Ints:
    drawn = (slot + (phases & np.uint64(255)).astype(np.int64)) // periods
    # Two periods of one price must not share a version by having the same count.
    return drawn * 512 + periods


def _sizes(phases: Hashes, versions: Ints, usual: Ints | int) -> Ints:
    chance = uniform_of(mix_array(phases ^ versions.astype(np.uint64)))
    result: Ints = (usual * -np.log(1.0 - chance)).astype(np.int64) + 1
    return result


def _usual_size(symbol: Symbol) -> int:
    """Steps that rest at a price on average: a quarter of an average minute."""
    value = symbol.daily_volume / 1440 / 4
    return max(2, int(value / symbol.reference_price * 10**symbol.quantity_decimals))
