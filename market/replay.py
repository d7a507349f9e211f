"""Recorded frames through the same path as live ones, with a count of everything.

A frame goes through ``Ingest`` into a ``MarketState``, exactly as from a socket, and
is drained at once, so that no value is conflated and every one is counted.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from market.binance.decode import stream_name
from market.binance.streams import stream_kind
from market.captures import Frame, frames
from market.domain.book import BookState
from market.domain.continuity import Tally
from market.domain.items import BOOK_LEVELS
from market.domain.state import MarketState
from market.domain.types import BookSnapshot, BookTop
from market.ingest import Ingest

# Each frame is drained before the next one, so the queue never holds more than one.
_QUEUE_LIMIT = 1000


class ReplayReport(Struct, frozen=True):
    """What a replay saw; ``seconds`` is the time that the caller measured."""

    frames: int
    seconds: float
    tally: Tally
    failures: Counter[str]
    stale: Counter[str]
    duplicate_closes: int
    conflicting_closes: int

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def lines(self) -> list[str]:
        """Return the report for a person, line by line."""
        tally = self.tally
        breaks = tally.breaks
        report = [
            f"frames          {self.frames:,} in {self.seconds:.2f} s"
            f" ({self.frames_per_second:,.0f}/s)",
            *_counted("values", tally.values),
            f"closed bars     {tally.closed_bars:,}"
            f" (repeated {self.duplicate_closes:,},"
            f" contradicting {self.conflicting_closes:,})",
            *_counted("no data", tally.skipped),
            *_counted("out of date", self.stale),
            f"decode errors   {self.failures.total():,}",
            *(f"  {count:,} × {reason}" for reason, count in self.failures.items()),
            f"breaks          trades {breaks.trades:,}, bars {breaks.bars:,},"
            f" books {breaks.books:,}",
        ]
        return report + [self._book_line(symbol) for symbol in tally.books]

    def _book_line(self, symbol: str) -> str:
        book = self.tally.books[symbol]
        counts = book.counts
        text = f"book {symbol:<10} {book.state.value}: {counts.applied:,} diffs applied"
        if book.state is BookState.NEEDS_SNAPSHOT and not counts.snapshots:
            return f"{text}, no usable snapshot in the capture"
        return (
            f"{text}, {counts.dropped:,} before the bridging one,"
            f" {counts.gaps:,} gaps, {len(book):,} levels"
        )


class Replay:
    """A replay under way. ``state`` is what pages and the store would see."""

    def __init__(self) -> None:
        self.state = _TalliedState()
        self._ingest = Ingest(self.state, limit=_QUEUE_LIMIT)

    @property
    def frames(self) -> int:
        """Frames put through so far."""
        return self._ingest.frames

    def push(self, frame: Frame) -> None:
        """Put one frame through; bad frames are counted, none raises."""
        name = stream_name(frame.raw) or b""
        kind = stream_kind(name.decode("utf-8", "replace"))
        self.state.asked_symbol = frame.symbol
        self._ingest.receive(name, kind, frame.raw, frame.received_ms)
        self._ingest.drain()

    def show_books(self) -> None:
        """Put the top of every usable book into the state, as partial depth would.

        Captures hold diffs, while the feed follows partial depth for pages.
        """
        for book in self.state.tally.books.values():
            if book.state is BookState.LIVE:
                self.state.show(book.best_levels(BOOK_LEVELS))

    def report(self, seconds: float) -> ReplayReport:
        """Return what was seen so far, in so many seconds."""
        state = self.state
        return ReplayReport(
            frames=self._ingest.frames,
            seconds=seconds,
            tally=state.tally,
            failures=self._ingest.failures,
            stale=state.counts.stale,
            duplicate_closes=state.closed.duplicates,
            conflicting_closes=state.closed.conflicts,
        )


def merged_frames(paths: Iterable[Path]) -> Iterator[Frame]:
    """Yield the frames of several captures in the order of their recorded times.

    Raises what ``market.captures.frames`` raises.
    """
    return heapq.merge(
        *(frames(path) for path in paths), key=lambda frame: frame.received_ms
    )


class _TalliedState(MarketState):
    """A market state that also shows every value to a tally."""

    def __init__(self) -> None:
        super().__init__()
        self.tally = Tally()
        self.asked_symbol = ""

    def apply(self, event: object, received_ms: int, *, fetched: bool = False) -> None:
        if isinstance(event, BookSnapshot) and not event.symbol:
            event = replace(event, symbol=self._snapshot_symbol())
        self.tally.take(event)
        super().apply(event, received_ms, fetched=fetched)

    def show(self, event: BookTop) -> None:
        """Take a value that was not in the capture and is not counted."""
        super().apply(event, event.event_time)

    def _snapshot_symbol(self) -> str:
        """A REST book does not name its symbol: its URL does, or the capture."""
        if self.asked_symbol:
            return self.asked_symbol
        known = self.tally.books.keys() | set(self.records)
        return known.pop() if len(known) == 1 else ""


def _counted(label: str, counts: Counter[str]) -> list[str]:
    if not counts:
        return []
    parts = (f"{kind} {count:,}" for kind, count in counts.most_common())
    return [f"{label:<15} {', '.join(parts)}"]
