"""One order book with what decides when it needs a snapshot and when it is doubted.

A book that is live may be shown; any other may not. What ends that is a ``Loss``: a
diff that does not continue, best prices that cross, best prices that differ from the
book ticker's for too long, or more levels to show than the last snapshot knew. Then a
new snapshot is wanted, later and later while the book does not stay live. Times are
monotonic seconds.
"""

from enum import StrEnum
from math import inf

from market.domain.book import BookState, OrderBook
from market.domain.types import BookDelta, BookSnapshot, BookTop, Quote

# REST is a few diffs behind the streams: a snapshot asked at once would be too old.
SETTLE_SECONDS = 0.3
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 30.0
# Live for so long, a book may ask at once again when it is lost.
STEADY_SECONDS = 30.0
# Diffs come and none of them reaches the snapshot.
BRIDGE_SECONDS = 5.0
# The two streams are not in step: in a moving market they agree only now and then.
DISAGREE_SECONDS = 5.0
# Diffs kept while waiting: 20 s of them, longer than an answer may take.
BUFFERED_DIFFS = 200


class Loss(StrEnum):
    """Why a live book is live no longer."""

    GAP = "a diff is missing"
    CROSSED = "the best bid was not below the best ask"
    DISAGREES = "the best prices differed from the book ticker's"
    EXHAUSTED = "fewer levels are known than are shown"


class KeptBook:
    """The book of one symbol; ``since`` is when it was first wanted.

    ``depth`` is how many levels of each side a snapshot holds.
    """

    def __init__(self, symbol: str, *, depth: int, now: float) -> None:
        self.symbol = symbol
        self.since = now
        self.asking = False
        self.heard_ms = 0
        self._book = OrderBook(symbol, buffer_limit=BUFFERED_DIFFS)
        self._depth = depth
        self._tries = 0
        self._ask_at = inf
        self._heard_at = self._loaded_at = self._live_at = -inf
        self._bid_agreed = self._ask_agreed = -inf
        # Beyond these prices only what changed since the snapshot is known.
        self._lowest_bid, self._highest_ask = -inf, inf

    @property
    def live(self) -> bool:
        """True while the levels are the exchange's own at ``last_id``."""
        return self._book.state is BookState.LIVE

    @property
    def last_id(self) -> int:
        """The update id that the levels belong to."""
        return self._book.last_id

    def take(self, delta: BookDelta, received_ms: int, now: float) -> Loss | None:
        """Take the next diff and say whether the live book was lost by it."""
        before = self._book.state
        self.heard_ms, self._heard_at = received_ms, now
        changed = self._book.apply(delta)
        if changed:
            if before is not BookState.LIVE:
                self._went_live(now)
            return self._lose(Loss.CROSSED, now) if self._book.is_crossed() else None
        if self._ask_at == inf and before is BookState.NEEDS_SNAPSHOT:
            self._ask_later(now)  # the stream flows
        elif before is not self._book.state:
            self._ask_later(now)
            return Loss.GAP if before is BookState.LIVE else None
        return None

    def due(self, now: float) -> bool:
        """True when a snapshot should be asked for."""
        if self.asking or now < self._ask_at:
            return False
        return self._book.state is BookState.NEEDS_SNAPSHOT or self._stuck()

    def asked(self) -> None:
        """A snapshot is being fetched."""
        self.asking = True
        self._tries += 1

    def failed(self, now: float) -> None:
        """The snapshot did not come."""
        self.asking = False
        self._ask_later(now)

    def load(self, snapshot: BookSnapshot, now: float) -> None:
        """Take the snapshot that was asked for."""
        self.asking = False
        if self.live:
            return  # by an earlier one; this is no reason to stop
        state = self._book.load(snapshot)
        if state is BookState.NEEDS_SNAPSHOT:
            self._ask_later(now)
            return
        self._loaded_at = now
        self._ask_at = now + BRIDGE_SECONDS
        self._lowest_bid, self._highest_ask = self._known(snapshot)
        if self._book.is_crossed():
            self._lose(Loss.CROSSED, now)
        elif state is BookState.LIVE:
            self._went_live(now)

    def compare(self, quote: Quote | None, now: float) -> Loss | None:
        """Compare with the newest best prices; None when they are not fresh.

        The book is lost when a side agreed never in ``DISAGREE_SECONDS`` of fresh
        quotes. A side, because both agree at the same moment more seldom.
        """
        if not self.live:
            return None
        if now - self._live_at > STEADY_SECONDS:
            self._tries = 0
        bid, ask = self._book.best_bid(), self._book.best_ask()
        if quote is None or (bid is not None and bid[0] == quote.bid):
            self._bid_agreed = now
        if quote is None or (ask is not None and ask[0] == quote.ask):
            self._ask_agreed = now
        if now - min(self._bid_agreed, self._ask_agreed) > DISAGREE_SECONDS:
            return self._lose(Loss.DISAGREES, now)
        return None

    def top(self, levels: int, now: float) -> BookTop | Loss | None:
        """Return the best levels; None when not live, the loss when too few are known."""
        if not self.live:
            return None
        top = self._book.best_levels(levels)
        floor = top.bids[-1][0] if len(top.bids) == levels else -inf
        ceiling = top.asks[-1][0] if len(top.asks) == levels else inf
        if floor < self._lowest_bid or ceiling > self._highest_ask:
            return self._lose(Loss.EXHAUSTED, now)
        return top

    def _known(self, snapshot: BookSnapshot) -> tuple[float, float]:
        """The prices up to which the snapshot is whole; a short side is whole."""
        bids, asks = snapshot.bids, snapshot.asks
        return (
            -inf if len(bids) < self._depth else min(price for price, _ in bids),
            inf if len(asks) < self._depth else max(price for price, _ in asks),
        )

    def _stuck(self) -> bool:
        bridging = self._book.state is BookState.BRIDGING
        return bridging and self._heard_at > self._loaded_at

    def _went_live(self, now: float) -> None:
        self._live_at = self._bid_agreed = self._ask_agreed = now

    def _lose(self, loss: Loss, now: float) -> Loss:
        self._book.reset()
        self._ask_later(now)
        return loss

    def _ask_later(self, now: float) -> None:
        if not self._tries:
            self._ask_at = now + SETTLE_SECONDS
            return
        growth = FIRST_RETRY_SECONDS * 2.0 ** min(self._tries - 1, 16)
        self._ask_at = now + min(growth, LONGEST_RETRY_SECONDS)
