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
    return slot * ID_STEP + symbol.rank


def first_update_id(slot: int, previous: int, symbol: Symbol) -> int:
    """``U`` of a diff up to ``slot`` after ``previous``: ids of other symbols lie between."""
    gap = 1 + int(
        mix_array(np.array([slot], dtype=np.uint64))[0] % np.uint64(ID_STEP - 2)
    )
    return min(update_id(previous, symbol) + gap, update_id(slot, symbol))


@dataclass(frozen=True, eq=False)
class Book:
    """Prices in units (bids falling, asks rising), sizes in steps."""

    slot: int
    bids: Ints
    bid_sizes: Ints
    asks: Ints
    ask_sizes: Ints


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
        return (
            _sizes(self._bid_keys, bids // self._units, self._slots, slot, self._usual),
            _sizes(self._ask_keys, asks // self._units, self._slots, slot, self._usual),
        )

    def book(self, symbol: Symbol, slot: int, bid: int, ask: int) -> Book:
        """The whole book around the given best prices."""
        rank, unit = symbol.rank, symbol.tick_units
        steps = np.arange(DEPTH, dtype=np.int64)
        bids = bid // unit - steps
        bids = bids[bids > 0]
        asks = ask // unit + steps
        periods = self._periods.copy()
        periods[0] = symbol.book_slots
        usual = np.full(DEPTH, self._usual[rank])
        return Book(
            slot=slot,
            bids=bids * unit,
            bid_sizes=_sizes(
                self._bid_keys[rank],
                bids,
                periods[: len(bids)],
                slot,
                usual[: len(bids)],
            ),
            asks=asks * unit,
            ask_sizes=_sizes(self._ask_keys[rank], asks, periods, slot, usual),
        )


def changes(
    old_prices: Ints, old_sizes: Ints, new_prices: Ints, new_sizes: Ints
) -> tuple[Ints, Ints]:
    """Prices whose size differs and their new size (0: gone), by rising price."""
    gone = np.setdiff1d(old_prices, new_prices, assume_unique=True)
    order = np.argsort(old_prices)
    place = np.searchsorted(old_prices, new_prices, sorter=order)
    index = order[np.minimum(place, len(old_prices) - 1)]
    same = (old_prices[index] == new_prices) & (old_sizes[index] == new_sizes)
    prices = np.concatenate((gone, new_prices[~same]))
    sizes = np.concatenate((np.zeros_like(gone), new_sizes[~same]))
    sort = np.argsort(prices)
    return prices[sort], sizes[sort]


def _keys(seed: int, symbols: Sequence[Symbol], side: str) -> Hashes:
    return np.array(
        [key(seed, "book", side, symbol.base) for symbol in symbols], dtype=np.uint64
    )


def _sizes(
    keys: Hashes | np.uint64, ticks: Ints, periods: Ints, slot: int, usual: Ints
) -> Ints:
    phases = hashes(np.broadcast_to(np.asarray(keys), ticks.shape), ticks)
    versions = (slot + (phases & np.uint64(255)).astype(np.int64)) // periods
    drawn = uniform_of(mix_array(phases ^ versions.astype(np.uint64)))
    result: Ints = (usual * -np.log(1.0 - drawn)).astype(np.int64) + 1
    return result


def _usual_size(symbol: Symbol) -> int:
    """Steps that rest at a price on average: a quarter of an average minute."""
    value = symbol.daily_volume / 1440 / 4
    return max(2, int(value / symbol.reference_price * 10**symbol.quantity_decimals))
