"""What a sequence of market values holds and where it has holes.

A ``Tally`` is shown every value once, in order. It counts them by kind, keeps the
book of every symbol from its diffs and snapshots, and counts the places where trade
ids, books and bars do not continue.
"""

from collections import Counter

from msgspec import Struct, field

from market.domain.book import OrderBook, continues
from market.domain.candles import INTERVAL_MS, MONTH, bars_missing
from market.domain.types import (
    BookDelta,
    BookSnapshot,
    BookTop,
    Candle,
    Mark,
    Quote,
    Skipped,
    Ticker,
    Trade,
)

LABELS: dict[type, str] = {
    BookDelta: "depth",
    BookSnapshot: "snapshot",
    BookTop: "partialDepth",
    Candle: "kline",
    Mark: "markPrice",
    Quote: "bookTicker",
    Ticker: "ticker",
}
"""How kinds of values are called in counts: as their streams are."""


class Breaks(Struct):
    """Missing pieces: trades and bars by number, books by broken chains."""

    trades: int = 0
    bars: int = 0
    books: int = 0

    @property
    def total(self) -> int:
        return self.trades + self.bars + self.books


class Tally(Struct):
    """Counts of a sequence of values; ``values`` and ``skipped`` are by kind.

    ``closed_bars`` counts final klines; ``crossed_books`` diffs that left the best
    bid at or above the best ask.
    """

    values: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    breaks: Breaks = field(default_factory=Breaks)
    closed_bars: int = 0
    crossed_books: int = 0
    books: dict[str, OrderBook] = field(default_factory=dict)
    _diff_ids: dict[str, int] = field(default_factory=dict)
    _trade_ids: dict[tuple[str, bool], int] = field(default_factory=dict)
    _bars: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, value: object) -> None:
        """Count one value and check that it continues its sequence."""
        if isinstance(value, Skipped):
            self.skipped[f"{value.kind} {value.reason}"] += value.count
            return
        self.values[_label(value)] += 1
        if isinstance(value, Trade):
            self._take_trade(value)
        elif isinstance(value, Candle):
            self._take_candle(value)
        elif isinstance(value, BookDelta):
            self._take_diff(value)
        elif isinstance(value, BookSnapshot) and value.symbol:
            self.book(value.symbol).load(value)

    def book(self, symbol: str) -> OrderBook:
        """Return the book of a symbol; a new one waits for its snapshot."""
        book = self.books.get(symbol)
        if book is None:
            book = self.books[symbol] = OrderBook(symbol)
        return book

    def _take_trade(self, trade: Trade) -> None:
        key = trade.symbol, trade.aggregated
        last = self._trade_ids.get(key, trade.id - 1)
        self.breaks.trades += max(0, trade.id - last - 1)
        self._trade_ids[key] = max(last, trade.id)

    def _take_candle(self, candle: Candle) -> None:
        self.closed_bars += candle.closed
        if candle.interval != MONTH and candle.interval not in INTERVAL_MS:
            return
        key = candle.symbol, candle.interval
        last = self._bars.get(key, candle.open_time)
        self.breaks.bars += bars_missing(last, candle.open_time, candle.interval)
        self._bars[key] = max(last, candle.open_time)

    def _take_diff(self, diff: BookDelta) -> None:
        last = self._diff_ids.get(diff.symbol)
        if last is not None and diff.last_id > last and not continues(diff, last):
            self.breaks.books += 1
        self._diff_ids[diff.symbol] = diff.last_id
        book = self.book(diff.symbol)
        if book.apply(diff) and book.is_crossed():
            self.crossed_books += 1


def _label(value: object) -> str:
    if isinstance(value, Trade):
        return "aggTrade" if value.aggregated else "trade"
    return LABELS.get(type(value), type(value).__name__)
