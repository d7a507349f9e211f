"""Closed bars are handed out once; repeated and contradicting closes are counted."""

from msgspec.structs import replace

from market.domain.closed_bars import REMEMBERED, ClosedBars
from market.domain.types import Candle

MINUTE = 60_000


def bar(number=0, *, symbol="B", close=1.5, sent=200):
    opened = number * MINUTE
    return Candle(
        symbol, "1m", opened, opened + MINUTE - 1, 1.0, 2.0, 0.5, close, 10.0, 15.0, 3,
        4.0, 6.0, True, opened + MINUTE + sent,
    )  # fmt: skip


def test_each_bar_is_handed_out_once():
    closed = ClosedBars()
    closed.add(bar(0))
    closed.add(bar(1))
    closed.add(bar(0, symbol="C"))
    assert closed.drain() == [bar(0), bar(1), bar(0, symbol="C")]
    assert closed.drain() == []


def test_the_same_close_from_a_second_connection_is_a_duplicate():
    closed = ClosedBars()
    closed.add(bar())
    closed.add(bar(sent=250))
    assert len(closed.drain()) == 1
    closed.add(bar(sent=300))
    assert closed.drain() == []
    assert (closed.duplicates, closed.conflicts) == (2, 0)


def test_of_two_different_closes_the_newer_one_wins():
    closed = ClosedBars()
    closed.add(bar(close=1.5, sent=200))
    newer = bar(close=1.6, sent=300)
    closed.add(newer)
    assert closed.drain() == [newer]
    closed.add(bar(close=1.7, sent=100))
    assert closed.drain() == []
    newest = bar(close=1.8, sent=400)
    closed.add(newest)
    assert closed.drain() == [newest]
    assert (closed.duplicates, closed.conflicts) == (0, 3)


def test_only_the_last_closes_of_a_series_are_remembered():
    closed = ClosedBars()
    for number in range(REMEMBERED + 1):
        closed.add(bar(number))
    closed.drain()
    closed.add(bar(0))
    assert closed.drain() == [bar(0)]
    closed.add(replace(bar(REMEMBERED), event_time=1))
    assert closed.drain() == []
