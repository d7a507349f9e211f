"""A local order book, kept from a snapshot and the diffs that follow it.

The rules differ by product (Binance documentation, confirmed by captures):

* Futures: drop diffs whose ``last_id`` is below the snapshot's id; the first one
  applied must span it (``first_id <= id <= last_id``); from then on the
  ``previous_id`` of each must be the ``last_id`` of the one before.
* Spot (``previous_id`` is None): drop diffs up to the snapshot's id; the first one
  applied must span ``id + 1``; from then on ``first_id`` follows ``last_id`` by one.

A broken chain empties the book and asks for a snapshot; the diff that broke it is
kept, because the new snapshot may be bridged by it. No prices are ever guessed.
"""

from collections import deque
from enum import StrEnum
from heapq import nlargest, nsmallest

from msgspec import Struct

from market.domain.types import BookDelta, BookSnapshot, BookTop, Levels

BUFFER_LIMIT = 1000
"""Diffs kept while waiting for a snapshot; the oldest are dropped and counted."""


class BookState(StrEnum):
    """Whether the levels can be used."""

    NEEDS_SNAPSHOT = "needs_snapshot"
    BRIDGING = "bridging"
    """The snapshot is in; the diff that spans it has not come yet."""

    LIVE = "live"


class BookCounts(Struct):
    """What happened to a book since it was made; ``gaps`` are broken chains."""

    applied: int = 0
    dropped: int = 0
    gaps: int = 0
    overflowed: int = 0
    rejected: int = 0
    snapshots: int = 0


class OrderBook:
    """The book of one symbol. Feed it every diff in order, and snapshots when asked.

    Quantities are in base units as the exchange writes them. Not safe for threads.
    """

    def __init__(self, symbol: str, *, buffer_limit: int = BUFFER_LIMIT) -> None:
        self.symbol = symbol
        self.state = BookState.NEEDS_SNAPSHOT
        self.counts = BookCounts()
        self.last_id = 0
        self.time = 0
        self._bids: dict[float, float] = {}
        self._asks: dict[float, float] = {}
        self._buffer: deque[BookDelta] = deque(maxlen=buffer_limit)
        self._best_bid: float | None = None
        self._best_ask: float | None = None
        self._event_time = 0

    def apply(self, delta: BookDelta) -> bool:
        """Take the next diff; True when it changed the levels.

        Before a snapshot diffs are buffered. A gap moves the book to NEEDS_SNAPSHOT.
        """
        if self.state is BookState.NEEDS_SNAPSHOT:
            self._keep(delta)
            return False
        if self.state is BookState.LIVE:
            return self._follow(delta)
        return self._bridge(delta)

    def load(self, snapshot: BookSnapshot) -> BookState:
        """Start from a snapshot, apply the buffered diffs, and return the state.

        A snapshot older than the buffered diffs cannot be bridged: the state stays
        NEEDS_SNAPSHOT, ``counts.rejected`` grows, and another one must be fetched. A
        live book that is ahead of the snapshot refuses it as well and stays live.
        """
        if self.state is BookState.LIVE and snapshot.last_id <= self.last_id:
            self.counts.rejected += 1
            return self.state
        first = next(
            (d for d in self._buffer if not self._is_before(d, snapshot.last_id)), None
        )
        if first is not None and not self._spans(first, snapshot.last_id):
            self.counts.rejected += 1
            return self.state
        self.counts.snapshots += 1
        self._replace_levels(snapshot)
        self.state = BookState.BRIDGING
        waiting, self._buffer = self._buffer, deque(maxlen=self._buffer.maxlen)
        for delta in waiting:
            self.apply(delta)
        return self.state

    def reset(self) -> None:
        """Forget the levels and the buffered diffs, as after a lost connection."""
        self._empty()
        self._buffer.clear()

    def best_bid(self) -> tuple[float, float] | None:
        """The highest bid as (price, quantity), or None."""
        bids = self._bids
        if not bids:
            return None
        if self._best_bid is None:
            self._best_bid = max(bids)
        return self._best_bid, bids[self._best_bid]

    def best_ask(self) -> tuple[float, float] | None:
        """The lowest ask as (price, quantity), or None."""
        asks = self._asks
        if not asks:
            return None
        if self._best_ask is None:
            self._best_ask = min(asks)
        return self._best_ask, asks[self._best_ask]

    def top(self, count: int) -> tuple[Levels, Levels]:
        """The best ``count`` bids and asks, best first; empty while not usable."""
        bids, asks = self._bids, self._asks
        return (
            tuple((price, bids[price]) for price in nlargest(count, bids)),
            tuple((price, asks[price]) for price in nsmallest(count, asks)),
        )

    def best_levels(self, count: int) -> BookTop:
        """Return ``top`` as partial depth would bring it."""
        bids, asks = self.top(count)
        return BookTop(self.symbol, self.last_id, bids, asks, self.time, self.time)

    def is_crossed(self) -> bool:
        """Say whether the best bid is at or above the best ask, a sign of drift."""
        bid, ask = self.best_bid(), self.best_ask()
        return bid is not None and ask is not None and bid[0] >= ask[0]

    def __len__(self) -> int:
        return len(self._bids) + len(self._asks)

    def _bridge(self, delta: BookDelta) -> bool:
        if self._is_before(delta, self.last_id):
            self.counts.dropped += 1
            return False
        if not self._spans(delta, self.last_id):
            self._break(delta)
            return False
        self.state = BookState.LIVE
        self._change(delta)
        return True

    def _follow(self, delta: BookDelta) -> bool:
        if delta.last_id <= self.last_id:
            if delta.event_time > self._event_time:
                # Sent later with lower ids: the exchange began to count anew.
                self._break(delta)
            else:
                self.counts.dropped += 1
            return False
        if not continues(delta, self.last_id):
            self._break(delta)
            return False
        self._change(delta)
        return True

    @staticmethod
    def _is_before(delta: BookDelta, snapshot_id: int) -> bool:
        if delta.previous_id is None:
            return delta.last_id <= snapshot_id
        return delta.last_id < snapshot_id

    @staticmethod
    def _spans(delta: BookDelta, snapshot_id: int) -> bool:
        if delta.previous_id is None:
            return delta.first_id <= snapshot_id + 1 <= delta.last_id
        # A chain that ends exactly at the snapshot continues it as well.
        return (
            delta.first_id <= snapshot_id <= delta.last_id
            or delta.previous_id == snapshot_id
        )

    def _change(self, delta: BookDelta) -> None:
        self._best_bid = _changed(self._bids, delta.bids, self._best_bid, highest=True)
        self._best_ask = _changed(self._asks, delta.asks, self._best_ask, highest=False)
        self.last_id = delta.last_id
        self._event_time = delta.event_time
        self.time = delta.time or delta.event_time
        self.counts.applied += 1

    def _replace_levels(self, snapshot: BookSnapshot) -> None:
        self._bids = {price: size for price, size in snapshot.bids if size}
        self._asks = {price: size for price, size in snapshot.asks if size}
        self._best_bid = self._best_ask = None
        self.last_id = snapshot.last_id
        self.time = snapshot.time

    def _break(self, delta: BookDelta) -> None:
        self.counts.gaps += 1
        self._empty()
        self._keep(delta)

    def _keep(self, delta: BookDelta) -> None:
        if len(self._buffer) == self._buffer.maxlen:
            self.counts.overflowed += 1
        self._buffer.append(delta)

    def _empty(self) -> None:
        self.state = BookState.NEEDS_SNAPSHOT
        self._bids = {}
        self._asks = {}
        self._best_bid = self._best_ask = None
        self.last_id = 0


def continues(delta: BookDelta, last_id: int) -> bool:
    """Say whether a diff is the one right after the diff that ended at ``last_id``."""
    if delta.previous_id is None:
        return delta.first_id == last_id + 1
    return delta.previous_id == last_id


def _changed(
    side: dict[float, float], rows: Levels, best: float | None, *, highest: bool
) -> float | None:
    """Write rows into a side and return its best price, None when it must be sought.

    Keeping the best while writing spares a search over the whole side per quote.
    """
    for price, size in rows:
        if size:
            side[price] = size
            if best is not None and (price > best if highest else price < best):
                best = price
        else:
            side.pop(price, None)
            if price == best:
                best = None
    return best
