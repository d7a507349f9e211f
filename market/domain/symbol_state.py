"""The newest values of one symbol, and when a value is newer than what is there."""

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from market.domain.tape import TradeTape
from market.domain.types import BookTop, Candle, Mark, Quote, Ticker, Trade

RECENT_TRADES = 50


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


APPLIERS: dict[type, Callable[[SymbolState, Any], bool]] = {
    Quote: _apply_quote,
    Candle: _apply_candle,
    Trade: _apply_trade,
    BookTop: _apply_book,
    Mark: _apply_mark,
    Ticker: _apply_ticker,
}
"""What takes a value of each type; returns False when it is older than what is there."""
