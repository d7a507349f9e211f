"""The newest state of the market: the one mutable object of the feed.

Values go in by ``apply`` in order of arrival and are kept only when they are newer
than what is there; duplicates and latecomers of overlapping connections are counted
as stale. When everything of one kind has been stale for a minute, the exchange's
clock or its ids went back (a restart, a clock jump), and the next value is taken
whatever its time, so that no price freezes. Nothing here knows a clock, a socket or
JSON.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

from market.domain.closed_bars import ClosedBars
from market.domain.tape import TradeTape
from market.domain.types import (
    BookTop,
    Candle,
    Mark,
    Quote,
    Skipped,
    Ticker,
    Trade,
)

RECENT_TRADES = 50
BOOK_LEVELS = 20
STALE_AT_MOST_MS = 60_000
"""Local time for which older values are refused; latecomers are far quicker."""

Item = dict[str, Any]
"""A value as the browser gets it; "k" is its key and "n" its growing number."""


BarRow = list[float | int | bool]
"""[open time, open, high, low, close, volume, quote volume, trades, closed]."""


class SymbolState:
    """The newest values of one symbol. Read it freely, write by MarketState only."""

    __slots__ = (
        "accepted", "bars", "book", "last", "last_time", "mark", "numbers", "quote",
        "received_ms", "tapes", "ticker", "time", "trade", "trades",
    )  # fmt: skip

    def __init__(self) -> None:
        self.quote: Quote | None = None
        self.ticker: Ticker | None = None
        self.mark: Mark | None = None
        self.book: BookTop | None = None
        self.trade: Trade | None = None
        self.trades: deque[Trade] = deque(maxlen=RECENT_TRADES)
        # Single trades and aggregates count their ids separately.
        self.tapes: dict[bool, TradeTape] = {}
        self.bars: dict[str, Candle] = {}
        self.last: float | None = None
        self.last_time = 0
        self.time = 0
        self.received_ms = 0
        # Local time of the last value that was taken, by type or kline interval.
        self.accepted: dict[type | str, int] = {}
        self.numbers: Counter[str] = Counter()

    def forget(self, key: type | str) -> None:
        """Drop what newer values of this type or kline interval are compared with."""
        if key is Quote:
            self.quote = None
        elif key is Ticker:
            self.ticker = None
        elif key is Mark:
            self.mark = None
        elif key is BookTop:
            self.book = None
        elif key is Trade:
            self.tapes = {}
        else:
            self.bars.pop(str(key), None)
        self.last_time = self.time = 0


class StateCounts:
    """What was applied, by type name; what was stale, by type name; what was no data.

    ``skipped`` is keyed by (kind, reason) as in ``Skipped``.
    """

    __slots__ = ("applied", "skipped", "stale")

    def __init__(self) -> None:
        self.applied: Counter[str] = Counter()
        self.stale: Counter[str] = Counter()
        self.skipped: Counter[tuple[str, str]] = Counter()


class MarketState:
    """Newest quote, trades, mark, 24 hours, bars and book of every symbol seen."""

    def __init__(self) -> None:
        self.records: dict[str, SymbolState] = {}
        self.counts = StateCounts()
        self.closed = ClosedBars()
        self._changed: set[str] = set()
        self._appliers: dict[type, Callable[[SymbolState, Any], bool]] = {
            Quote: _apply_quote,
            Candle: _apply_candle,
            Trade: _apply_trade,
            BookTop: _apply_book,
            Mark: _apply_mark,
            Ticker: _apply_ticker,
        }

    def apply(self, event: object, received_ms: int) -> None:
        """Take one value; ``received_ms`` is the local time its frame arrived.

        Values without a place here (diffs, liquidations, user events) are counted.
        """
        kind = type(event)
        applier = self._appliers.get(kind)
        if applier is None:
            self._count(event)
            return
        symbol: str = event.symbol  # type: ignore[attr-defined]
        record = self.records.get(symbol)
        if record is None:
            record = self.records[symbol] = SymbolState()
        key: type | str = kind
        if isinstance(event, Candle):
            key = event.interval
            if event.closed:
                # A late close of an older bar is no live bar, but it is a close.
                self.closed.add(event)
        taken = applier(record, event)
        if not taken and received_ms - record.accepted[key] > STALE_AT_MOST_MS:
            record.forget(key)
            taken = applier(record, event)
        if taken:
            record.accepted[key] = record.received_ms = received_ms
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
        tape = self.records[symbol].tapes.get(True)
        if tape is not None:
            tape.give_up(first, last)

    def unwatch(self, symbol: str) -> None:
        """Nobody looks at the trades of a symbol any more: the next ones begin anew."""
        record = self.records.get(symbol)
        if record is not None:
            record.tapes.clear()
            record.trades.clear()

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
        """Return the row of a symbol for tables, None when nothing is known of it.

        p last, o/h/l open, high, low and c change in percent of 24 hours, v and q
        volume in base and quote units, b/B and a/A best bid and ask with quantities,
        m mark, f funding rate, t time of the newest datum. Unknown values are None.
        """
        record = self.records.get(symbol)
        if record is None or not record.numbers["quote"]:
            return None
        quote, mark = record.quote, record.mark
        return {
            "k": symbol,
            "n": record.numbers["quote"],
            "p": record.last,
            **_day(record),
            "b": quote.bid if quote else None,
            "B": quote.bid_quantity if quote else None,
            "a": quote.ask if quote else None,
            "A": quote.ask_quantity if quote else None,
            "m": mark.mark if mark else None,
            "f": mark.funding_rate if mark else None,
            "t": record.time or None,
        }

    def symbol_items(self, symbol: str) -> list[Item]:
        """Return what the page of one symbol shows: bars, book and recent trades.

        bar: [open time, o, h, l, c, volume, quote volume, trades, closed]; trade:
        [id, time, price, quantity, buyer is maker], newest last.
        """
        record = self.records.get(symbol)
        if record is None:
            return []
        items = [
            {"k": f"kline:{interval}", "n": record.numbers[interval], "bar": bar_row(c)}
            for interval, c in record.bars.items()
        ]
        book = record.book
        if book is not None:
            items.append(
                {
                    "k": "book",
                    "n": record.numbers["book"],
                    "t": book.time or book.event_time,
                    "bids": book.bids[:BOOK_LEVELS],
                    "asks": book.asks[:BOOK_LEVELS],
                }
            )
        if record.trades:
            items.append(
                {
                    "k": "trades",
                    "n": record.numbers["trades"],
                    "items": [
                        [t.id, t.time, t.price, t.quantity, t.buyer_is_maker]
                        for t in record.trades
                    ],
                }
            )
        return items

    def _count(self, event: object) -> None:
        if isinstance(event, Skipped):
            self.counts.skipped[event.kind, event.reason] += event.count
        else:
            self.counts.applied[type(event).__name__] += 1


def bar_row(candle: Candle) -> BarRow:
    """Return a candle as the row that charts and REST answers use."""
    return [
        candle.open_time, candle.open, candle.high, candle.low, candle.close,
        candle.volume, candle.quote_volume, candle.trades, candle.closed,
    ]  # fmt: skip


def _is_newer_bar(live: Candle, candle: Candle) -> bool:
    if candle.open_time != live.open_time:
        return candle.open_time > live.open_time
    if live.closed and not candle.closed:
        return False
    return candle.event_time > live.event_time or (candle.closed and not live.closed)


def _apply_candle(record: SymbolState, candle: Candle) -> bool:
    live = record.bars.get(candle.interval)
    if live is not None and not _is_newer_bar(live, candle):
        return False
    record.bars[candle.interval] = candle
    record.numbers[candle.interval] += 1
    _see_price(record, candle.close, candle.event_time)
    return True


def _apply_quote(record: SymbolState, quote: Quote) -> bool:
    old = record.quote
    # Ids grow, but begin anew when the exchange restarts: then the time is newer.
    if (
        old is not None
        and quote.update_id <= old.update_id
        and quote.event_time <= old.event_time
    ):
        return False
    record.quote = quote
    _touch(record, quote.event_time)
    return True


def _apply_trade(record: SymbolState, trade: Trade) -> bool:
    tape = record.tapes.setdefault(trade.aggregated, TradeTape())
    newest = tape.newest
    if not tape.add(trade):
        return False
    if trade.aggregated or True not in record.tapes:
        # Both streams report the same trades: with aggregates at hand only those.
        _keep_trade(record, trade, late=trade.id < newest)
    _see_price(record, trade.price, trade.time)
    return True


def _keep_trade(record: SymbolState, trade: Trade, *, late: bool) -> None:
    record.numbers["trades"] += 1
    if not late:
        record.trade = trade
        record.trades.append(trade)
        return
    rows = sorted([*record.trades, trade], key=lambda each: each.id)
    record.trades = deque(rows[-RECENT_TRADES:], maxlen=RECENT_TRADES)


def _apply_book(record: SymbolState, book: BookTop) -> bool:
    old = record.book
    if (
        old is not None
        and book.last_id <= old.last_id
        and book.event_time <= old.event_time
    ):
        return False
    record.book = book
    record.numbers["book"] += 1
    return True


def _apply_mark(record: SymbolState, mark: Mark) -> bool:
    old = record.mark
    if old is not None and mark.event_time < old.event_time:
        return False
    record.mark = mark
    _touch(record, mark.event_time)
    return True


def _apply_ticker(record: SymbolState, ticker: Ticker) -> bool:
    old = record.ticker
    if old is not None and ticker.event_time < old.event_time:
        return False
    record.ticker = ticker
    _see_price(record, ticker.last, ticker.event_time)
    return True


def _see_price(record: SymbolState, price: float, time: int) -> None:
    if time >= record.last_time:
        record.last, record.last_time = price, time
    _touch(record, time)


def _touch(record: SymbolState, time: int) -> None:
    if time > record.time:
        record.time = time
    record.numbers["quote"] += 1


def _day(record: SymbolState) -> Item:
    """Return the 24 hours, brought up to the last price, which may be newer."""
    ticker, last = record.ticker, record.last
    if ticker is None or last is None:
        return dict.fromkeys("ochlvq")
    return {
        "o": ticker.open,
        "c": (last / ticker.open - 1.0) * 100.0,
        "h": max(ticker.high, last),
        "l": min(ticker.low, last),
        "v": ticker.volume,
        "q": ticker.quote_volume,
    }
