"""From frames to state: keep what is newest, lose nothing that counts.

``receive`` runs in the socket's reader and only files the frame away; ``drain``
decodes at the tick. Quotes, books and unfinished bars are newest-wins per stream: a
newer frame replaces the one not yet decoded. Closed bars, trades, book diffs and
arrays wait in a bounded queue; when it is full the caller stops reading instead of
losing any.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable

from market.binance.decode import DecodeFailure, decode, is_closed_kline
from market.binance.streams import StreamKind, stream_symbol
from market.domain.state import MarketState
from market.domain.types import BookDelta, Skipped

log = logging.getLogger(__name__)

NEWEST_WINS = frozenset(
    {
        StreamKind.BOOK_TICKER,
        StreamKind.DEPTH_PARTIAL,
        StreamKind.MARK_PRICE,
        StreamKind.MINI_TICKER,
        StreamKind.TICKER,
    }
)
# A global is found seven times quicker than a member of an enumeration.
KLINE = StreamKind.KLINE
LOGGED_FAILURES = 20
REASONS_KEPT = 64

Pressure = Callable[[], None]
Diffs = Callable[[BookDelta, int], None]


class Ingest:
    """Frames of one feed on their way to its state; ``diffs`` takes those of books.

    The queue holds at most ``limit`` frames and those of the reads under way.
    """

    def __init__(
        self,
        state: MarketState,
        *,
        limit: int,
        pause: Pressure | None = None,
        resume: Pressure | None = None,
        diffs: Diffs | None = None,
    ) -> None:
        self._state = state
        self._limit = limit
        self._pause = pause
        self._resume = resume
        self._diffs = diffs
        self._pressed = False
        self._newest: dict[bytes, tuple[bytes, int]] = {}
        self._queue: deque[tuple[bytes, int, bytes]] = deque()
        self._universe: frozenset[str] = frozenset()
        # Names are those of our own subscriptions, so they are few.
        self._symbols: dict[bytes, str | None] = {}
        self.frames = 0
        self.conflated = 0
        self.pauses = 0
        self.most_waiting = 0
        self.failures: Counter[str] = Counter()

    def follow(self, symbols: Iterable[str]) -> None:
        """Take only these symbols out of streams that carry the whole market."""
        self._universe = frozenset(symbols)

    @property
    def waiting(self) -> int:
        """Frames in the queue that loses nothing."""
        return len(self._queue)

    @property
    def late(self) -> int:
        """Values that came long after the exchange sent them."""
        return sum(self._state.counts.late.values())

    def receive(
        self, name: bytes, kind: StreamKind, raw: bytes, received_ms: int
    ) -> None:
        """File a frame away; ``name`` is empty when the frame names no stream."""
        self.frames += 1
        if kind in NEWEST_WINS:
            self._keep_newest(name, raw, received_ms)
            return
        if kind is KLINE:
            if not is_closed_kline(raw):
                self._keep_newest(name, raw, received_ms)
                return
            # Anything kept of this bar is older than its final form.
            if self._newest.pop(name, None) is not None:
                self.conflated += 1
        self._queue.append((raw, received_ms, name))
        if len(self._queue) > self._limit and not self._pressed:
            self._pressed = True
            self.pauses += 1
            log.warning("reading paused: %d frames wait", self.waiting)
            if self._pause is not None:
                self._pause()

    def _keep_newest(self, name: bytes, raw: bytes, received_ms: int) -> None:
        if name in self._newest:
            self.conflated += 1
        self._newest[name] = (raw, received_ms)

    def drain(self) -> None:
        """Decode what waits and apply it: first what came in order, then the newest."""
        queue, self._queue = self._queue, deque()
        self.most_waiting = max(self.most_waiting, len(queue))
        for raw, received_ms, name in queue:
            self._take(raw, received_ms, name)
        newest, self._newest = self._newest, {}
        for name, (raw, received_ms) in newest.items():
            self._take(raw, received_ms, name)
        if self._pressed and len(self._queue) < self._limit // 2:
            self._pressed = False
            log.warning("reading goes on")
            if self._resume is not None:
                self._resume()

    def _take(self, raw: bytes, received_ms: int, name: bytes) -> None:
        events = decode(raw, received_ms=received_ms)
        if isinstance(events, DecodeFailure):
            self._refuse(events, name)
            return
        if name.startswith(b"!") and self._universe:
            events = tuple(e for e in events if self._wanted(e))
        symbol = self._symbol_of(name)
        for event in events:
            own = _own(event, symbol)
            self._state.apply(own, received_ms)
            if self._diffs is not None and type(own) is BookDelta:
                self._diffs(own, received_ms)

    def _symbol_of(self, name: bytes) -> str | None:
        """Return the symbol that a stream is about, None when it is about many."""
        try:
            return self._symbols[name]
        except KeyError:
            symbol = self._symbols[name] = stream_symbol(name.decode(errors="replace"))
            return symbol

    def _wanted(self, event: object) -> bool:
        """What was skipped is counted; of the rest only followed symbols are taken."""
        if isinstance(event, Skipped):
            return True
        return getattr(event, "symbol", None) in self._universe

    def _refuse(self, failure: DecodeFailure, name: bytes) -> None:
        reason = f"{failure.kind.value}: {failure.reason}"[:120]
        if reason not in self.failures and len(self.failures) >= REASONS_KEPT:
            reason = "other reasons"
        self.failures[reason] += 1
        if sum(self.failures.values()) <= LOGGED_FAILURES:
            # Only a public stream's frame is shown: others may hold account data.
            log.warning(
                "frame of %s not understood (%s): %s | %s",
                name.decode(errors="replace") or "an unknown stream",
                failure.kind.value,
                failure.reason,
                failure.sample if name else "not shown",
            )


def _own(event: object, symbol: str | None) -> object:
    """Return the event, or what tells that it is of another symbol than its stream."""
    if symbol is None or getattr(event, "symbol", symbol) == symbol:
        return event
    return Skipped(type(event).__name__, "foreign", getattr(event, "symbol", ""))
