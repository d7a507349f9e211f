"""The newest state of the market: the one mutable object of the feed.

Values go in by ``apply`` in order of arrival and are kept only when they are newer
than what is there; duplicates and latecomers of overlapping connections are counted
as stale. When everything of one kind has been stale for a minute, the exchange's
clock or its ids went back (a restart, a clock jump), and the next value is taken
whatever its time, so that no price freezes. A value that the exchange sent long before
it arrived is late: it is taken like any other and marked. Nothing here knows a clock,
a socket or JSON.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
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

LATE_MS = 5_000
"""Time on its way after which a value is late: true once, but no price to act on."""

Item = dict[str, Any]
"""A value as the browser gets it; "k" is its key and "n" its growing number.

Numbers begin at the local time in ms at which a symbol was first seen, so that they
also grow when another feed takes the symbol over.
"""

BarRow = list[float | int | bool]
"""[open time, open, high, low, close, volume, quote volume, trades, closed]."""

# Added to a local time it gives one before everything.
_NEVER = float("-inf")


class SymbolState:
    """The newest values of one symbol. Read it freely, write by MarketState only."""

    __slots__ = (
        "accepted", "bars", "base", "book", "book_live", "last", "last_time", "late",
        "mark", "numbers", "quote", "received_ms", "tapes", "ticker", "time", "trade",
        "trades",
    )  # fmt: skip

    def __init__(self, base: int = 0) -> None:
        self.base = base
        self.quote: Quote | None = None
        self.ticker: Ticker | None = None
        self.mark: Mark | None = None
        self.book: BookTop | None = None
        self.book_live = False
        self.trade: Trade | None = None
        self.trades: deque[Trade] = deque(maxlen=RECENT_TRADES)
        # Single trades and aggregates count their ids separately.
        self.tapes: dict[bool, TradeTape] = {}
        self.bars: dict[str, Candle] = {}
        self.last: float | None = None
        self.last_time = 0
        self.time = 0
        self.received_ms = 0
        # Whether the newest value came late.
        self.late = False
        # Local time of the last value that was taken, by type or kline interval.
        self.accepted: dict[type | str, int] = {}
        self.numbers: Counter[str] = Counter()

    def number(self, key: str) -> int:
        """Return the growing number of an item."""
        return self.base + self.numbers[key]

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
        self._appliers: dict[type, Callable[[SymbolState, Any], bool]] = {
            Quote: _apply_quote,
            Candle: _apply_candle,
            Trade: _apply_trade,
            BookTop: _apply_book,
            Mark: _apply_mark,
            Ticker: _apply_ticker,
        }

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
        applier = self._appliers.get(kind)
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

    def resume_trades(self, symbol: str, number: int, time: int, now_ms: int) -> None:
        """The aggregated trades up to ``number`` came to another feed, or run.

        What lies between it and the next trade is then a hole like any other.
        """
        record = self.records.setdefault(symbol, SymbolState(now_ms))
        if True not in record.tapes:
            record.tapes[True] = TradeTape.after(number, time)
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
        """Return the row of a symbol for tables, None when nothing is known of it.

        p last, o/h/l open, high, low and c change in percent of 24 hours, v and q
        volume in base and quote units, b/B and a/A best bid and ask with quantities,
        m mark, i index, f funding rate, t time of the newest datum, s how many ms before
        it mark, last price and best prices were true. Unknown values are None. ``late``
        is there, and True, while the newest datum is one that came late.
        """
        record = self.records.get(symbol)
        if record is None or not record.numbers["quote"]:
            return None
        quote, mark = record.quote, record.mark
        item = {
            "k": symbol,
            "n": record.number("quote"),
            "p": record.last,
            **_day(record),
            "b": quote.bid if quote else None,
            "B": quote.bid_quantity if quote else None,
            "a": quote.ask if quote else None,
            "A": quote.ask_quantity if quote else None,
            "m": mark.mark if mark else None,
            "i": mark.index if mark else None,
            "f": mark.funding_rate if mark else None,
            "t": record.time or None,
            "s": _behind(record),
        }
        if record.late:
            item["late"] = True
        return item

    def symbol_items(self, symbol: str) -> list[Item]:
        """Return what the page of one symbol shows: bars, book and recent trades.

        bar: [open time, o, h, l, c, volume, quote volume, trades, closed]; trade:
        [id, time, price, quantity, buyer is maker], newest last. A book that is not
        live is the last true one: a new one is on its way.
        """
        record = self.records.get(symbol)
        if record is None:
            return []
        items = [
            {"k": f"kline:{interval}", "n": record.number(interval), "bar": bar_row(c)}
            for interval, c in record.bars.items()
        ]
        book = record.book
        if book is not None:
            items.append(
                {
                    "k": "book",
                    "n": record.number("book"),
                    "t": book.time or book.event_time,
                    "live": record.book_live,
                    "bids": book.bids[:BOOK_LEVELS],
                    "asks": book.asks[:BOOK_LEVELS],
                }
            )
        if record.trades:
            items.append(
                {
                    "k": "trades",
                    "n": record.number("trades"),
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
    record.book_live = True
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


def _behind(record: SymbolState) -> list[int | None]:
    """Return how many ms before the newest datum mark, last and best prices were true."""
    times = (
        record.mark.event_time if record.mark else None,
        record.last_time if record.last is not None else None,
        record.quote.event_time if record.quote else None,
    )
    return [None if at is None else max(0, record.time - at) for at in times]


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
