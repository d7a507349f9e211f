"""Values of a symbol as the browser gets them."""

from typing import Any

from market.domain.symbol_state import SymbolState
from market.domain.types import Candle

BOOK_LEVELS = 20

Item = dict[str, Any]
"""A value as the browser gets it; "k" is its key and "n" its growing number.

Numbers begin at the local time in ms at which a symbol was first seen, so that they
also grow when another feed takes the symbol over.
"""

BarRow = list[float | int | bool]
"""[open time, open, high, low, close, volume, quote volume, trades, closed]."""


def bar_row(candle: Candle) -> BarRow:
    """Return a candle as the row that charts and REST answers use."""
    return [
        candle.open_time, candle.open, candle.high, candle.low, candle.close,
        candle.volume, candle.quote_volume, candle.trades, candle.closed,
    ]  # fmt: skip


def quote_item(symbol: str, record: SymbolState) -> Item | None:
    """Return the row of a symbol for tables, None when nothing is known of it.

    p last, o/h/l open, high, low and c change in percent of 24 hours, v and q
    volume in base and quote units, b/B and a/A best bid and ask with quantities,
    m mark, i index, f funding rate, t time of the newest datum, s how many ms before
    it mark, last price and best prices were true. Unknown values are None. ``late``
    is there, and True, while the newest datum is one that came late.
    """
    if not record.numbers["quote"]:
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


def symbol_items(record: SymbolState) -> list[Item]:
    """Return what the page of one symbol shows: bars, book and recent trades.

    bar: [open time, o, h, l, c, volume, quote volume, trades, closed]; trade:
    [id, time, price, quantity, buyer is maker], newest last. A book that is not
    live is the last true one: a new one is on its way.
    """
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
