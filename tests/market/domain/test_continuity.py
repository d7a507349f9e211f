"""A tally counts values and finds missing trades, bars and diffs."""

from msgspec.structs import replace

from market.domain.book import BookState
from market.domain.continuity import Tally
from market.domain.types import BookDelta, BookSnapshot, Candle, Skipped, Trade

TRADE = Trade("B", 7, 7, 7, 10.0, 1.0, True, 1, 1, False)
BAR = Candle(
    "B", "1m", 0, 59_999, 1.0, 2.0, 0.5, 1.5, 5.0, 5.0, 3, 2.0, 2.0, True, 60_000
)


def tally_of(*values):
    tally = Tally()
    for value in values:
        tally.take(value)
    return tally


def diff(first, last, previous, bids=()):
    return BookDelta("B", first, last, previous, tuple(bids), (), 0, 0)


def test_missing_trade_ids_are_counted_per_kind_of_trade():
    tally = tally_of(
        TRADE, replace(TRADE, id=8), replace(TRADE, id=11),
        replace(TRADE, id=500, aggregated=True), replace(TRADE, id=501, aggregated=True),
        replace(TRADE, id=8),
    )  # fmt: skip
    assert tally.breaks.trades == 2
    assert tally.values == {"trade": 4, "aggTrade": 2}


def test_missing_bars_are_counted():
    tally = tally_of(
        BAR, replace(BAR, open_time=60_000, closed=False),
        replace(BAR, open_time=240_000), replace(BAR, interval="1s", open_time=5),
    )  # fmt: skip
    assert tally.breaks.bars == 2
    assert tally.closed_bars == 3


def test_a_broken_chain_is_found_with_and_without_a_snapshot():
    tally = tally_of(diff(1, 2, 0), diff(3, 4, 2), diff(7, 8, 6))
    assert tally.breaks.books == 1
    tally = tally_of(
        BookSnapshot("B", 2, (), (), 0), diff(1, 2, 0), diff(3, 4, 2), diff(7, 8, 6)
    )
    assert tally.breaks.books == 1
    assert tally.book("B").state is BookState.NEEDS_SNAPSHOT
    assert tally.breaks.total == 1


def test_crossed_books_are_counted():
    book = BookSnapshot("B", 2, ((1.0, 1.0),), ((2.0, 1.0),), 0)
    tally = tally_of(book, diff(1, 2, 0), diff(3, 4, 2, [(2.5, 1.0)]))
    assert tally.crossed_books == 1


def test_what_was_skipped_is_counted_by_reason_and_nameless_books_are_not_kept():
    tally = tally_of(
        Skipped("trade", "not_a_trade", "B"), Skipped("ticker", "coin_margined", "", 5),
        BookSnapshot("", 2, (), (), 0), object(),
    )  # fmt: skip
    assert tally.skipped == {"trade not_a_trade": 1, "ticker coin_margined": 5}
    assert tally.values == {"snapshot": 1, "object": 1}
    assert tally.books == {}
