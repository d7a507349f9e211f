"""The newest state of the market: the one mutable object of the feed.

Values go in by ``apply`` in order of arrival and are kept only when they are newer
than what is there; duplicates and latecomers of overlapping connections are counted
as stale. When everything of one kind has been stale for a minute, the exchange's
clock or its ids went back (a restart, a clock jump), and the next value is taken
whatever its time, so that no price freezes. A value that the exchange sent long before
it arrived is late: it is taken like any other and marked. Nothing here knows a clock,
a socket or JSON.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from market.domain.closed_bars import ClosedBars
from market.domain.items import BarRow, Item, bar_row, quote_item, symbol_items
from market.domain.symbol_state import APPLIERS, SymbolState
from market.domain.tape import TradeTape
from market.domain.types import BookTop, Candle, Skipped, Trade

STALE_AT_MOST_MS = 60_000
"""Local time for which older values are refused; latecomers are far quicker."""

LATE_MS = 5_000
"""Time on its way after which a value is late: true once, but no price to act on."""

# Added to a local time it gives one before everything.
_NEVER = float("-inf")


class StateCounts:
    """What was applied, what was stale, what came late, by type name; what was no data.

    ``skipped`` is keyed by (kind, reason) as in ``Skipped``.
    """

    __slots__ = ("applied", "late", "skipped", "stale")

    def __init__(self) -> None:
        self.applied: Counter[str] = Counter()
        self.stale: Counter[str] = Counter()
        self.late: Counter[str] = Counter()
        self.skipped: Counter[tuple[str, str]] = Counter()


class MarketState:
    """Newest quote, trades, mark, 24 hours, bars and book of every symbol seen."""

    def __init__(self) -> None:
        self.records: dict[str, SymbolState] = {}
        self.counts = StateCounts()
        self.closed = ClosedBars()
        self._changed: set[str] = set()
        self._late_after = _NEVER

    def exchange_offset(self, milliseconds: float | None) -> None:
        """Learn how far the exchange's clock is ahead of the local one.

        None means that nobody knows: then nothing is late.
        """
        self._late_after = _NEVER if milliseconds is None else milliseconds - LATE_MS

    def apply(self, event: object, received_ms: int, *, fetched: bool = False) -> None:
        """Take one value; ``received_ms`` is the local time its frame arrived.

        What was ``fetched`` on request is as old as was wanted and never late. Values
        without a place here (diffs, liquidations, user events) are counted.
        """
        kind = type(event)
        applier = APPLIERS.get(kind)
        if applier is None:
            self._count(event)
            return
        symbol: str = event.symbol  # type: ignore[attr-defined]
        record = self.records.get(symbol)
        if record is None:
            record = self.records[symbol] = SymbolState(received_ms)
        key: type | str = kind
        if isinstance(event, Candle):
            key = event.interval
            if event.closed:
                # A late close of an older bar is no live bar, but it is a close.
                self.closed.add(event)
        sent_ms: int = event.event_time  # type: ignore[attr-defined]
        late = 0 < sent_ms < received_ms + self._late_after and not fetched
        if late:
            self.counts.late[kind.__name__] += 1
        taken = applier(record, event)
        if not taken and received_ms - record.accepted[key] > STALE_AT_MOST_MS:
            record.forget(key)
            taken = applier(record, event)
        if taken:
            record.accepted[key] = record.received_ms = received_ms
            if late is not record.late and kind is not BookTop:
                # A backlog behind fresher values is history and marks nothing.
                record.late = late and sent_ms >= record.time
            self.counts.applied[kind.__name__] += 1
            self._changed.add(symbol)
        else:
            self.counts.stale[kind.__name__] += 1

    def holes(self) -> Iterator[tuple[str, int, int]]:
        """Yield symbol, first and last id of aggregated trades that never came."""
        for symbol, record in self.records.items():
            tape = record.tapes.get(True)
            if tape is not None:
                for first, last in tape.holes:
                    yield symbol, first, last

    def give_up(self, symbol: str, first: int, last: int) -> None:
        """Call these ids of aggregated trades lost."""
        tape = self._tape(symbol)
        if tape is not None:
            tape.give_up(first, last)

    def covers(self, symbol: str, first: int, last: int) -> bool:
        """Return True when these ids lie within what is followed of a symbol."""
        tape = self._tape(symbol)
        return tape is not None and tape.first <= first and last <= tape.newest

    def _tape(self, symbol: str) -> TradeTape | None:
        record = self.records.get(symbol)
        return None if record is None else record.tapes.get(True)

    def resume_trades(
        self, symbol: str, seen: Sequence[tuple[int, int]], now_ms: int
    ) -> None:
        """These aggregated trades (id, time in ms) came to another feed, or run.

        What lies between them, and up to the next trade, is a hole like any other.
        """
        record = self.records.setdefault(symbol, SymbolState(now_ms))
        if True not in record.tapes:
            record.tapes[True] = TradeTape.after(seen)
            record.accepted[Trade] = now_ms

    def drop(self, symbols: Iterable[str]) -> None:
        """Forget these symbols: somebody else follows them."""
        for symbol in symbols:
            self.records.pop(symbol, None)
            self._changed.discard(symbol)

    def unwatch(self, symbol: str) -> None:
        """Nobody looks at the trades of a symbol any more: the next ones begin anew."""
        record = self.records.get(symbol)
        if record is not None:
            record.tapes.clear()
            record.trades.clear()

    def doubt_book(self, symbol: str) -> None:
        """The newest book of a symbol is not known to be true until the next one."""
        record = self.records.get(symbol)
        if record is not None and record.book_live:
            record.book_live = False
            record.numbers["book"] += 1
            self._changed.add(symbol)

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that anything is known of, in order of arrival."""
        return tuple(self.records)

    def live_bars(self) -> Iterator[tuple[str, str, BarRow]]:
        """Yield symbol, interval and the newest bar of every series."""
        for symbol, record in self.records.items():
            for interval, candle in record.bars.items():
                yield symbol, interval, bar_row(candle)

    def drain_changes(self) -> set[str]:
        """Return the symbols that changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def drain_closed(self) -> list[Candle]:
        """Return the bars that closed since the last call, each bar once."""
        return self.closed.drain()

    def quote_item(self, symbol: str) -> Item | None:
        """Return the row of a symbol for tables, None when nothing is known of it."""
        record = self.records.get(symbol)
        return None if record is None else quote_item(symbol, record)

    def symbol_items(self, symbol: str) -> list[Item]:
        """Return what the page of one symbol shows: bars, book and recent trades."""
        record = self.records.get(symbol)
        return [] if record is None else symbol_items(record)

    def _count(self, event: object) -> None:
        if isinstance(event, Skipped):
            self.counts.skipped[event.kind, event.reason] += event.count
        else:
            self.counts.applied[type(event).__name__] += 1
