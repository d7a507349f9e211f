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
    """Prices in units, best first; sizes in steps; how often each size was drawn."""

    prices: Ints
    sizes: Ints
    versions: Ints


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
        units, slots, usual = self._units, self._slots, self._usual
        bid_sizes, _ = _sizes(self._bid_keys, bids // units, slots, slot, usual)
        ask_sizes, _ = _sizes(self._ask_keys, asks // units, slots, slot, usual)
        return bid_sizes, ask_sizes

    def book(
        self, symbol: Symbol, slot: int, bid: int, ask: int, depth: int = DEPTH
    ) -> Book:
        """The book around the given best prices, ``depth`` levels of each side."""
        rank, unit = symbol.rank, symbol.tick_units
        steps = np.arange(depth, dtype=np.int64)
        bids = bid // unit - steps
        bids = bids[bids > 0]
        asks = ask // unit + steps
        periods = self._periods[:depth].copy()
        periods[0] = symbol.book_slots
        usual = self._usual[rank : rank + 1]
        return Book(
            slot=slot,
            bids=Side(
                bids * unit,
                *_sizes(self._bid_keys[rank], bids, periods[: len(bids)], slot, usual),
            ),
            asks=Side(
                asks * unit, *_sizes(self._ask_keys[rank], asks, periods, slot, usual)
            ),
        )


def touched(before: Side, after: Side) -> Ints:
    """Prices that entered, left or were drawn anew between two slots."""
    order = np.argsort(before.prices)
    place = np.searchsorted(before.prices, after.prices, sorter=order)
    index = order[np.minimum(place, len(order) - 1)]
    same = (before.prices[index] == after.prices) & (
        before.versions[index] == after.versions
    )
    kept = np.isin(before.prices, after.prices, assume_unique=True)
    return np.concatenate((before.prices[~kept], after.prices[~same]))


def sizes_at(side: Side, prices: Ints) -> Ints:
    """Size at each price, 0 where nothing rests."""
    order = np.argsort(side.prices)
    place = np.searchsorted(side.prices, prices, sorter=order)
    index = order[np.minimum(place, len(order) - 1)]
    result: Ints = np.where(side.prices[index] == prices, side.sizes[index], 0)
    return result


def _keys(seed: int, symbols: Sequence[Symbol], side: str) -> Hashes:
    return np.array(
        [key(seed, "book", side, symbol.base) for symbol in symbols], dtype=np.uint64
    )


def _sizes(
    keys: Hashes | np.uint64, ticks: Ints, periods: Ints, slot: int, usual: Ints
) -> tuple[Ints, Ints]:
    """(sizes, versions) at the prices."""
    phases = hashes(np.broadcast_to(np.asarray(keys), ticks.shape), ticks)
    versions = (slot + (phases & np.uint64(255)).astype(np.int64)) // periods
    # Two periods of one price must not share a size by having the same count.
    drawn = uniform_of(mix_array(phases ^ (versions * 512 + periods).astype(np.uint64)))
    sizes = (usual * -np.log(1.0 - drawn)).astype(np.int64) + 1
    return sizes, versions * 512 + periods


def _usual_size(symbol: Symbol) -> int:
    """Steps that rest at a price on average: a quarter of an average minute."""
    value = symbol.daily_volume / 1440 / 4
    return max(2, int(value / symbol.reference_price * 10**symbol.quantity_decimals))
