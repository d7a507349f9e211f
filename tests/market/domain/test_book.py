"""The local book: bridging, chains, gaps, and equality with a naive model."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.domain.book import BookState, OrderBook, continues
from market.domain.types import BookDelta, BookSnapshot


def diff(first, last, previous, bids=(), asks=(), at=0):
    return BookDelta("B", first, last, previous, tuple(bids), tuple(asks), at, at)


def spot(first, last, bids=(), asks=(), at=0):
    return diff(first, last, None, bids, asks, at)


def snapshot(last, bids=(), asks=()):
    return BookSnapshot("B", last, tuple(bids), tuple(asks), 0)


def live_book(last=100, bids=((10.0, 1.0),), asks=((11.0, 1.0),)):
    book = OrderBook("B")
    book.load(snapshot(last, bids, asks))
    book.apply(diff(last, last, last - 1))
    assert book.state is BookState.LIVE
    return book


def test_diffs_before_the_snapshot_wait_and_bridge_it():
    book = OrderBook("B")
    for delta in (
        diff(1, 90, 0, [(1.0, 1.0)]),
        diff(91, 105, 90, [(9.0, 9.0)]),
        diff(106, 110, 105, asks=[(12.0, 2.0)]),
    ):
        assert not book.apply(delta)
    assert book.state is BookState.NEEDS_SNAPSHOT
    assert book.load(snapshot(100, [(10.0, 1.0)], [(11.0, 1.0)])) is BookState.LIVE
    assert book.last_id == 110
    assert book.top(5) == (((10.0, 1.0), (9.0, 9.0)), ((11.0, 1.0), (12.0, 2.0)))
    assert (book.counts.dropped, book.counts.applied) == (1, 2)


def test_a_snapshot_without_its_bridging_diff_waits_for_it():
    book = OrderBook("B")
    assert book.load(snapshot(100)) is BookState.BRIDGING
    assert not book.apply(diff(80, 99, 79))
    assert book.apply(diff(100, 103, 99))
    assert book.state is BookState.LIVE


def test_a_diff_that_begins_after_the_snapshot_is_a_gap():
    book = OrderBook("B")
    book.load(snapshot(100))
    assert not book.apply(diff(102, 105, 101))
    assert (book.state, book.counts.gaps) == (BookState.NEEDS_SNAPSHOT, 1)


def test_a_diff_right_behind_the_snapshot_continues_it():
    book = OrderBook("B")
    book.load(snapshot(100))
    assert book.apply(diff(103, 105, 100))


def test_a_snapshot_older_than_the_waiting_diffs_is_refused():
    book = OrderBook("B")
    book.apply(diff(200, 210, 199))
    assert book.load(snapshot(100)) is BookState.NEEDS_SNAPSHOT
    assert (book.counts.rejected, len(book)) == (1, 0)
    assert book.load(snapshot(205)) is BookState.LIVE


def test_a_live_book_takes_newer_snapshots_only():
    book = live_book()
    book.apply(diff(101, 110, 100))
    assert book.load(snapshot(105)) is BookState.LIVE
    assert (book.counts.rejected, len(book)) == (1, 2)
    assert book.load(snapshot(120, [(9.0, 1.0)])) is BookState.BRIDGING
    assert not book.apply(diff(111, 115, 110))
    assert book.apply(diff(116, 121, 115))
    assert (book.state, book.counts.gaps) == (BookState.LIVE, 0)


def test_a_broken_chain_empties_the_book_and_the_next_snapshot_repairs_it():
    book = live_book()
    assert not book.apply(diff(103, 104, 102, [(10.5, 1.0)]))
    assert (book.state, len(book), book.best_bid()) == (
        BookState.NEEDS_SNAPSHOT, 0, None,
    )  # fmt: skip
    assert book.apply(diff(105, 106, 104)) is False
    assert book.load(snapshot(104, [(10.5, 1.0)])) is BookState.LIVE
    assert book.last_id == 106


def test_repeated_diffs_change_nothing():
    book = live_book()
    assert book.apply(diff(101, 102, 100, [(10.0, 5.0)], at=7))
    assert not book.apply(diff(101, 102, 100, [(10.0, 1.0)], at=7))
    assert book.best_bid() == (10.0, 5.0)
    assert (book.state, book.counts.dropped) == (BookState.LIVE, 1)


def test_ids_that_begin_anew_are_a_gap_and_not_ignored_for_ever():
    book = live_book()
    assert book.apply(diff(101, 102, 100, at=50))
    assert not book.apply(diff(1, 3, 0, at=60))
    assert book.state is BookState.NEEDS_SNAPSHOT
    assert book.load(snapshot(2)) is BookState.LIVE


def test_spot_ids_follow_by_one_and_futures_ids_need_not():
    assert continues(spot(11, 20), 10)
    assert not continues(spot(12, 20), 10)
    assert continues(diff(500, 600, 10), 10)
    assert not continues(diff(11, 20, 9), 10)


def test_spot_bridging_needs_the_id_after_the_snapshot():
    book = OrderBook("B")
    book.apply(spot(90, 100, [(1.0, 1.0)]))
    assert book.load(snapshot(100)) is BookState.BRIDGING
    assert book.apply(spot(101, 105))
    assert book.apply(spot(106, 107))
    assert not book.apply(spot(109, 110))
    assert book.counts.gaps == 1


def test_best_prices_follow_changes_and_deletions():
    book = live_book(bids=[(10.0, 1.0), (9.0, 2.0)], asks=[(11.0, 1.0), (12.0, 2.0)])
    book.apply(diff(101, 101, 100, [(10.0, 0.0)], [(11.0, 0.0)]))
    assert (book.best_bid(), book.best_ask()) == ((9.0, 2.0), (12.0, 2.0))
    book.apply(diff(102, 102, 101, [(9.5, 3.0)], [(11.5, 3.0)]))
    assert (book.best_bid(), book.best_ask()) == ((9.5, 3.0), (11.5, 3.0))
    assert not book.is_crossed()
    book.apply(diff(103, 103, 102, [(11.5, 1.0)]))
    assert book.is_crossed()


def test_an_empty_side_has_no_best_price():
    book = live_book(bids=(), asks=())
    assert (book.best_bid(), book.best_ask(), book.is_crossed()) == (None, None, False)


def test_the_buffer_is_bounded_and_counts_what_it_lost():
    book = OrderBook("B", buffer_limit=2)
    for number in range(3):
        book.apply(diff(number, number, number - 1))
    assert book.counts.overflowed == 1


def test_a_reset_forgets_everything_but_the_counts():
    book = live_book()
    book.reset()
    assert (book.state, len(book)) == (BookState.NEEDS_SNAPSHOT, 0)
    assert book.counts.snapshots == 1


_levels = st.lists(
    st.tuples(
        st.integers(1, 12).map(float), st.integers(0, 3).map(float)
    ),
    max_size=5,
)  # fmt: skip
_changes = st.lists(st.tuples(_levels, _levels, st.integers(1, 5)), max_size=25)


def chain(changes, *, futures):
    """Build a sequence of diffs with ids as one product numbers them."""
    diffs, last = [], 1000
    for bids, asks, step in changes:
        # On futures the ids are shared by all symbols, so the first id jumps.
        first = last + step if futures else last + 1
        previous = last if futures else None
        diffs.append(diff(first, first + step, previous, bids, asks))
        last = first + step
    return diffs


def model(diffs):
    """Apply diffs to two dictionaries, the obvious way."""
    bids, asks = {}, {}
    for delta in diffs:
        for side, rows in ((bids, delta.bids), (asks, delta.asks)):
            for price, size in rows:
                side[price] = size
    return (
        {price: size for price, size in bids.items() if size},
        {price: size for price, size in asks.items() if size},
    )


@given(_changes, st.booleans())
@settings(max_examples=200)
def test_a_replayed_book_equals_the_naive_one(changes, futures):
    book = OrderBook("B")
    book.load(snapshot(1000))
    diffs = chain(changes, futures=futures)
    for number, delta in enumerate(diffs, start=1):
        assert book.apply(delta)
        bids, asks = model(diffs[:number])
        best_bid, best_ask = book.best_bid(), book.best_ask()
        assert (best_bid[0] if best_bid else None) == max(bids, default=None)
        assert (best_ask[0] if best_ask else None) == min(asks, default=None)
    bids, asks = model(diffs)
    top = book.top(50)
    assert top == (
        tuple(sorted(bids.items(), reverse=True)),
        tuple(sorted(asks.items())),
    )


@given(_changes.filter(lambda changes: len(changes) >= 3), st.booleans(), st.data())
@settings(max_examples=200)
def test_any_missing_diff_is_noticed(changes, futures, data):
    diffs = chain(changes, futures=futures)
    lost = data.draw(st.integers(1, len(diffs) - 2))
    book = OrderBook("B")
    book.load(snapshot(1000))
    for number, delta in enumerate(diffs):
        if number != lost:
            book.apply(delta)
    assert book.counts.gaps == 1
    assert book.state is BookState.NEEDS_SNAPSHOT


@pytest.mark.parametrize("at", [0, 3, 9])
def test_a_snapshot_taken_anywhere_gives_the_same_book(at):
    changes = [
        ([(float(n % 7 + 1), float(n % 3))], [(float(n % 5 + 20), 1.0)], 2)
        for n in range(10)
    ]
    diffs = chain(changes, futures=True)
    whole = OrderBook("B")
    whole.load(snapshot(1000))
    for delta in diffs:
        whole.apply(delta)
    bids, asks = model(diffs[: at + 1])
    late = OrderBook("B")
    for delta in diffs:
        late.apply(delta)
    state = late.load(snapshot(diffs[at].last_id, bids.items(), asks.items()))
    assert state is BookState.LIVE
    assert late.top(50) == whole.top(50)
