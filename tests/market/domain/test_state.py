"""The newest state: what wins, what is stale, what was not data, what is handed on."""

import json

from msgspec.structs import replace

from market.domain.items import BOOK_LEVELS
from market.domain.state import LATE_MS, STALE_AT_MOST_MS, MarketState
from market.domain.symbol_state import RECENT_TRADES
from market.domain.types import (
    BookDelta,
    BookTop,
    Candle,
    Mark,
    Quote,
    Skipped,
    Ticker,
    Trade,
)

QUOTE = Quote("B", 10.0, 1.0, 11.0, 2.0, 100, 1000, 1001)
TICKER = Ticker("B", 10.5, 10.0, 12.0, 9.0, 500.0, 5000.0, 5.0, 1000)
MARK = Mark("B", 10.4, 10.3, 0.0001, 9999, 1000)
TRADE = Trade("B", 7, 7, 9, 10.6, 0.5, True, 1100, 1250, True)
BAR = Candle(
    "B", "1m", 0, 59_999, 10.0, 12.0, 9.0, 11.0, 5.0, 50.0, 3, 2.0, 20.0, False, 30_000
)
TOP = BookTop("B", 5, ((10.0, 1.0),), ((11.0, 1.0),), 900, 901)


def state_of(*events):
    state = MarketState()
    for event in events:
        state.apply(event, 5)
    return state


def items(state, symbol="B"):
    return {item["k"]: item for item in state.symbol_items(symbol)}


def test_a_symbol_nobody_heard_of_has_nothing():
    state = MarketState()
    assert state.quote_item("B") is None
    assert state.symbol_items("B") == []
    assert state.symbols() == ()


def test_a_row_has_everything_once_everything_came():
    state = state_of(QUOTE, TICKER, MARK, TRADE)
    row = state.quote_item("B")
    assert row == {
        "k": "B", "n": 5 + 4, "p": 10.6, "o": 10.0, "c": row["c"], "h": 12.0, "l": 9.0,
        "v": 500.0, "q": 5000.0, "b": 10.0, "B": 1.0, "a": 11.0, "A": 2.0,
        "m": 10.4, "i": 10.3, "f": 0.0001, "t": 1100, "s": row["s"],
    }  # fmt: skip
    assert all(behind >= 0 for behind in row["s"])
    assert round(row["c"], 9) == 6.0
    json.dumps(row)


def test_the_numbers_of_one_who_takes_a_symbol_over_are_higher():
    """As long as a symbol changes less than a thousand times a second."""
    first, second = MarketState(), MarketState()
    for number in range(500):
        first.apply(replace(TRADE, id=number), 1_000_000 + number)
    second.apply(replace(TRADE, id=501), 1_000_501)
    assert second.quote_item("B")["n"] > first.quote_item("B")["n"]
    assert items(second)["trades"]["n"] > items(first)["trades"]["n"]


def test_trades_between_two_followers_of_a_symbol_are_a_hole():
    state = MarketState()
    state.resume_trades("B", [(TRADE.id - 5, TRADE.time - 1000)], 3)
    state.apply(TRADE, 5)
    assert list(state.holes()) == [("B", TRADE.id - 4, TRADE.id - 1)]
    state.apply(replace(TRADE, id=TRADE.id - 6, event_time=TRADE.event_time - 2000), 5)
    assert state.counts.stale["Trade"] == 1


def test_a_hole_that_the_one_before_knew_and_told_nobody_is_a_hole_of_its_successor():
    state = MarketState()
    seen = [(TRADE.id - back, TRADE.time - back) for back in (9, 8, 5, 4, 3)]
    state.resume_trades("B", seen, 3)
    state.apply(TRADE, 5)
    before, after = (TRADE.id - 7, TRADE.id - 6), (TRADE.id - 2, TRADE.id - 1)
    assert list(state.holes()) == [("B", *before), ("B", *after)]


def test_trades_that_are_followed_already_go_on_from_where_they_are():
    state = state_of(TRADE)
    state.resume_trades("B", [(TRADE.id - 5, TRADE.time - 1000)], 3)
    assert list(state.holes()) == []


def test_of_a_dropped_symbol_nothing_is_known():
    state = state_of(QUOTE, TRADE)
    state.drop(["B", "unknown"])
    assert state.symbols() == ()
    assert state.drain_changes() == set()
    assert state.quote_item("B") is None


def test_unknown_parts_of_a_row_are_none():
    row = state_of(QUOTE).quote_item("B")
    assert [row[key] for key in "pochlvqmf"] == [None] * 9
    row = state_of(MARK).quote_item("B")
    assert (row["m"], row["b"], row["p"]) == (10.4, None, None)


def test_a_row_tells_how_much_older_than_its_newest_datum_each_price_is():
    state = state_of(
        replace(QUOTE, event_time=1_000),
        replace(MARK, event_time=3_000),
        replace(TRADE, time=2_500),
    )
    row = state.quote_item("B")
    assert (row["t"], row["s"]) == (3_000, [0, 500, 2_000])
    assert state_of(replace(MARK, event_time=3_000)).quote_item("B")["s"] == [
        0,
        None,
        None,
    ]


def test_the_day_follows_a_last_price_newer_than_the_ticker():
    row = state_of(TICKER, replace(TRADE, price=13.0)).quote_item("B")
    assert (row["p"], row["h"], row["l"]) == (13.0, 13.0, 9.0)
    assert round(row["c"], 9) == 30.0


OFFSET = 100_000


def knowing_the_time():
    """A state that knows the exchange's clock to be 100 s ahead."""
    state = MarketState()
    state.exchange_offset(OFFSET)
    return state


def arrive(state, event, *, after):
    """Apply a value so many ms after the exchange sent it."""
    state.apply(event, event.event_time - OFFSET + after)


def test_a_value_that_was_long_on_its_way_is_taken_and_marked():
    state = knowing_the_time()
    arrive(state, QUOTE, after=LATE_MS)
    before = state.quote_item("B")
    assert "late" not in before
    arrive(state, replace(MARK, event_time=1002), after=LATE_MS + 1)
    row = state.quote_item("B")
    assert row["late"] is True
    assert (row["m"], row["n"]) == (10.4, before["n"] + 1)
    assert state.counts.late == {"Mark": 1}
    assert state.counts.applied == {"Quote": 1, "Mark": 1}
    assert not state.counts.stale


def test_a_fresh_value_ends_the_mark():
    state = knowing_the_time()
    arrive(state, QUOTE, after=60_000)
    arrive(state, replace(QUOTE, update_id=101, event_time=40_000), after=30)
    assert "late" not in state.quote_item("B")
    assert state.counts.late == {"Quote": 1}


def test_the_backlog_of_one_stream_does_not_mark_what_others_keep_fresh():
    state = knowing_the_time()
    arrive(state, replace(QUOTE, event_time=90_000), after=30)
    arrive(state, replace(BAR, event_time=80_000), after=10_030)
    assert "late" not in state.quote_item("B")
    assert state.counts.late == {"Candle": 1}


def test_a_late_close_still_closes_its_bar():
    state = knowing_the_time()
    bar = replace(BAR, closed=True, event_time=60_200)
    arrive(state, bar, after=30_000)
    assert state.drain_closed() == [bar]
    assert state.quote_item("B")["late"] is True


def test_a_late_book_says_nothing_about_the_quote():
    state = knowing_the_time()
    arrive(state, QUOTE, after=10)
    arrive(state, replace(TOP, event_time=90_000), after=30_000)
    assert "late" not in state.quote_item("B")
    assert state.counts.late == {"BookTop": 1}


def test_what_was_fetched_on_request_is_never_late():
    state = knowing_the_time()
    state.apply(TRADE, 5_000_000, fetched=True)
    assert not state.counts.late
    assert "late" not in state.quote_item("B")


def test_nothing_is_late_while_the_exchanges_time_is_unknown():
    state = MarketState()
    state.apply(QUOTE, 5_000_000)
    state.exchange_offset(0.0)
    state.apply(replace(QUOTE, update_id=101), 5_000_000)
    state.exchange_offset(None)
    state.apply(replace(QUOTE, update_id=102), 5_000_000)
    assert state.counts.late == {"Quote": 1}
    assert "late" not in state.quote_item("B")


def test_a_value_without_a_time_is_not_late():
    state = knowing_the_time()
    state.apply(replace(QUOTE, event_time=0), 5_000_000)
    assert not state.counts.late


def test_a_time_ahead_of_ours_is_not_late():
    """A simulated market that runs faster than the clocks."""
    state = knowing_the_time()
    arrive(state, QUOTE, after=-600_000)
    assert not state.counts.late


def test_an_older_price_does_not_replace_a_newer_one():
    state = state_of(TRADE, replace(TICKER, event_time=900))
    assert state.quote_item("B")["p"] == 10.6


def test_older_and_repeated_quotes_are_stale():
    state = state_of(QUOTE, QUOTE, replace(QUOTE, bid=9.0, update_id=99))
    assert state.quote_item("B")["b"] == 10.0
    assert state.counts.stale["Quote"] == 2
    assert state.counts.applied["Quote"] == 1


def test_ids_that_begin_anew_with_a_later_time_are_news():
    state = state_of(QUOTE, replace(QUOTE, bid=9.0, update_id=1, event_time=2000))
    assert state.quote_item("B")["b"] == 9.0
    state = state_of(TRADE, replace(TRADE, id=1, event_time=2000))
    assert len(items(state)["trades"]["items"]) == 2


def test_older_tickers_marks_and_books_are_stale():
    state = state_of(
        TICKER, replace(TICKER, event_time=999, last=1.0),
        MARK, replace(MARK, event_time=999, mark=1.0),
        TOP, replace(TOP, last_id=4, event_time=900, bids=()),
    )  # fmt: skip
    assert state.quote_item("B")["m"] == 10.4
    assert items(state)["book"]["bids"] == ((10.0, 1.0),)
    assert state.counts.stale == {"Ticker": 1, "Mark": 1, "BookTop": 1}


def test_numbers_grow_with_every_change_of_their_key_only():
    state = state_of(QUOTE, TOP, BAR)
    before = items(state)
    state.apply(replace(TOP, last_id=6), 6)
    after = items(state)
    assert after["book"]["n"] == before["book"]["n"] + 1
    assert after["kline:1m"] == before["kline:1m"]


def test_a_doubted_book_is_told_once_and_is_live_again_with_the_next():
    state = state_of(TOP)
    state.drain_changes()
    before = items(state)["book"]
    state.doubt_book(TOP.symbol)
    assert state.drain_changes() == {TOP.symbol}
    doubted = items(state)["book"]
    assert doubted == before | {"live": False, "n": before["n"] + 1}
    state.doubt_book(TOP.symbol)
    state.doubt_book("NEVERSEEN")
    assert state.drain_changes() == set()
    state.apply(replace(TOP, last_id=TOP.last_id + 1), 8)
    assert items(state)["book"]["live"] is True


def test_the_book_is_cut_to_twenty_levels():
    rows = tuple((float(n), 1.0) for n in range(1, 30))
    book = items(state_of(replace(TOP, bids=rows, asks=rows)))["book"]
    assert len(book["bids"]) == len(book["asks"]) == BOOK_LEVELS
    assert book["t"] == 900


def test_recent_trades_are_bounded_and_newest_last():
    state = MarketState()
    for number in range(RECENT_TRADES + 5):
        state.apply(replace(TRADE, id=number, event_time=number), 0)
    rows = items(state)["trades"]["items"]
    assert len(rows) == RECENT_TRADES
    assert rows[-1] == [RECENT_TRADES + 4, 1100, 10.6, 0.5, True]


def test_single_trades_do_not_repeat_the_aggregates():
    single = replace(TRADE, id=900, aggregated=False)
    state = state_of(single, TRADE, replace(single, id=901))
    assert [row[0] for row in items(state)["trades"]["items"]] == [900, 7]
    assert state.counts.applied["Trade"] == 3


def test_the_live_bar_moves_and_closes_and_the_next_one_begins():
    closed = replace(BAR, closed=True, event_time=60_200, close=11.5)
    later = replace(BAR, open_time=60_000, close_time=119_999, event_time=60_300)
    state = state_of(BAR, closed, later)
    assert items(state)["kline:1m"]["bar"] == [
        60_000, 10.0, 12.0, 9.0, 11.0, 5.0, 50.0, 3, False
    ]  # fmt: skip
    assert state.drain_closed() == [closed]
    assert list(state.live_bars()) == [("B", "1m", items(state)["kline:1m"]["bar"])]


def test_a_late_close_is_handed_on_though_the_next_bar_is_live():
    later = replace(BAR, open_time=60_000, close_time=119_999, event_time=60_100)
    closed = replace(BAR, closed=True, event_time=60_200)
    state = state_of(later, closed)
    assert items(state)["kline:1m"]["bar"][0] == 60_000
    assert state.drain_closed() == [closed]


def test_an_update_after_the_close_of_its_bar_is_stale():
    closed = replace(BAR, closed=True, event_time=60_200)
    state = state_of(closed, replace(BAR, event_time=60_300, close=9.5))
    assert items(state)["kline:1m"]["bar"][-1] is True
    assert state.counts.stale["Candle"] == 1


def test_bars_of_two_intervals_do_not_touch_each_other():
    state = state_of(BAR, replace(BAR, interval="1h", close_time=3_599_999))
    assert set(items(state)) == {"kline:1m", "kline:1h"}


def test_changes_are_handed_on_once():
    state = state_of(QUOTE, replace(QUOTE, symbol="C"))
    assert state.drain_changes() == {"B", "C"}
    assert state.drain_changes() == set()
    state.apply(QUOTE, 0)
    assert state.drain_changes() == set()
    assert state.symbols() == ("B", "C")


def test_what_is_no_data_or_has_no_place_is_counted():
    delta = BookDelta("B", 1, 2, 0, (), (), 0, 0)
    state = state_of(Skipped("trade", "not_a_trade", "B"), delta, object())
    state.apply(Skipped("markPrice", "coin_margined", "", 30), 0)
    assert state.counts.skipped == {
        ("trade", "not_a_trade"): 1, ("markPrice", "coin_margined"): 30,
    }  # fmt: skip
    assert state.counts.applied["BookDelta"] == 1
    assert state.drain_changes() == set()


def test_the_receive_time_of_the_newest_value_is_kept():
    state = state_of(QUOTE)
    state.apply(replace(QUOTE, update_id=101), 77)
    assert state.records["B"].received_ms == 77


def test_a_clock_that_went_back_freezes_nothing_for_long():
    first = (QUOTE, TICKER, MARK, TRADE, TOP, BAR, replace(BAR, interval="1h"))
    back = (
        replace(QUOTE, bid=5.0, update_id=1, event_time=1),
        replace(TICKER, last=5.0, event_time=1),
        replace(MARK, mark=5.0, event_time=1),
        replace(TRADE, id=1, price=5.0, time=1, event_time=1),
        replace(TOP, last_id=1, event_time=1, bids=((5.0, 1.0),)),
        replace(BAR, close=9.5, event_time=1),
        replace(BAR, interval="1h", close=9.5, event_time=1),
    )
    state = state_of(*first)
    for late in (5, 5 + STALE_AT_MOST_MS):
        for event in back:
            state.apply(event, late)
        assert state.quote_item("B")["m"] == 10.4
    for event in back:
        state.apply(event, 6 + STALE_AT_MOST_MS)
    row = state.quote_item("B")
    assert (row["p"], row["b"], row["m"], row["t"]) == (9.5, 5.0, 5.0, 1)
    bars = items(state)
    assert bars["kline:1m"]["bar"][4] == bars["kline:1h"]["bar"][4] == 9.5
    assert bars["book"]["bids"] == ((5.0, 1.0),)
    assert state.drain_closed() == []
