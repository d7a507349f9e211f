"""A kept book: live only with the exchange's own levels, and when it asks anew."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.domain.kept_book import (
    BRIDGE_SECONDS,
    DISAGREE_SECONDS,
    LONGEST_RETRY_SECONDS,
    SETTLE_SECONDS,
    STEADY_SECONDS,
    KeptBook,
    Loss,
)
from market.domain.types import BookDelta, BookSnapshot, BookTop, Quote

BIDS = tuple((100.0 - n, 1.0) for n in range(5))
ASKS = tuple((101.0 + n, 1.0) for n in range(5))


def diff(first, last, previous, bids=(), asks=(), at=0):
    return BookDelta("B", first, last, previous, tuple(bids), tuple(asks), at, at)


def snapshot(last, bids=BIDS, asks=ASKS):
    return BookSnapshot("B", last, tuple(bids), tuple(asks), 0)


def quote(bid, ask):
    return Quote("B", bid, 1.0, ask, 1.0, 1, 0, 0)


def live_book(now=0.0, depth=5):
    book = KeptBook("B", depth=depth, now=now)
    book.take(diff(90, 100, 80), 0, now)
    book.asked()
    book.load(snapshot(100), now)
    assert book.live
    return book


def test_a_snapshot_is_due_only_once_diffs_come_and_a_moment_later():
    book = KeptBook("B", depth=5, now=0)
    assert not book.due(1e9)
    book.take(diff(1, 2, 0), 7, 5.0)
    assert not book.due(5.0)
    assert book.due(5.0 + SETTLE_SECONDS)
    book.asked()
    assert not book.due(1e9)
    assert book.heard_ms == 7


def test_a_missing_diff_loses_the_live_book_and_asks_anew():
    book = live_book()
    assert book.take(diff(105, 106, 104), 0, 50.0) is Loss.GAP
    assert not book.live
    assert book.top(2, 50.0) is None
    assert book.due(51.0)


def test_a_repeated_diff_changes_nothing():
    book = live_book()
    book.take(diff(101, 102, 100, [(100.0, 4.0)]), 0, 1.0)
    assert book.take(diff(101, 102, 100, [(100.0, 4.0)]), 0, 1.0) is None
    assert book.live
    assert book.top(1, 1.0).bids == ((100.0, 4.0),)


def test_crossed_prices_lose_the_book_at_once():
    book = live_book()
    assert book.take(diff(101, 102, 100, [(101.0, 4.0)]), 0, 1.0) is Loss.CROSSED
    assert not book.live


def test_a_crossed_snapshot_is_not_taken():
    book = KeptBook("B", depth=5, now=0)
    book.take(diff(90, 100, 80), 0, 0)
    book.asked()
    book.load(snapshot(100, bids=[(102.0, 1.0)]), 0)
    assert not book.live
    assert book.due(1.0)


def test_each_failure_doubles_the_wait_up_to_half_a_minute_and_steadiness_ends_it():
    book = KeptBook("B", depth=5, now=0)
    book.take(diff(1, 2, 0), 0, 0)
    waits, now = [], SETTLE_SECONDS
    for _ in range(9):
        assert book.due(now)
        book.asked()
        book.failed(now)
        wait = next(n / 10 for n in itertools.count() if book.due(now + n / 10))
        waits.append(wait)
        now += wait
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, LONGEST_RETRY_SECONDS]
    book.asked()
    book.take(diff(3, 4, 2), 0, now)
    book.load(snapshot(4), now)
    book.compare(None, now + STEADY_SECONDS + 1)
    book.take(diff(9, 10, 8), 0, now + STEADY_SECONDS + 1)
    assert book.due(now + STEADY_SECONDS + 1 + SETTLE_SECONDS)


def test_a_snapshot_that_no_diff_reaches_is_asked_for_again():
    book = KeptBook("B", depth=5, now=0)
    book.take(diff(1, 2, 0), 0, 0)
    book.asked()
    book.load(snapshot(500), 1.0)
    assert not book.due(2 + BRIDGE_SECONDS)  # nothing came since: it may be quiet
    book.take(diff(3, 4, 2), 0, 2.0)
    assert not book.live
    assert not book.due(2.0)
    assert book.due(1 + BRIDGE_SECONDS)


def test_a_side_that_never_agrees_with_fresh_quotes_loses_the_book():
    book = live_book()
    wrong = quote(100.0, 100.5)
    assert book.compare(wrong, DISAGREE_SECONDS) is None
    assert book.compare(wrong, DISAGREE_SECONDS + 0.1) is Loss.DISAGREES
    assert not book.live


@pytest.mark.parametrize("agreeing", [quote(100.0, 101.0), None])
def test_one_agreement_or_a_quote_that_is_not_fresh_begins_the_time_anew(agreeing):
    book = live_book()
    wrong = quote(99.0, 102.0)
    for step in range(20):
        now = step * (DISAGREE_SECONDS - 1)
        assert book.compare(wrong, now) is None
        assert book.compare(agreeing, now) is None
    assert book.live


def test_the_sides_may_agree_at_different_moments():
    book = live_book()
    for step in range(20):
        now = step * (DISAGREE_SECONDS / 3)
        sides = quote(100.0, 102.0) if step % 2 else quote(99.0, 101.0)
        assert book.compare(sides, now) is None


def test_levels_beyond_the_snapshot_are_never_shown():
    book = live_book()
    gone = [(price, 0.0) for price, _ in BIDS[:2]]
    book.take(diff(101, 102, 100, [*gone, (90.0, 7.0)]), 0, 1.0)
    assert isinstance(book.top(3, 1.0), BookTop)
    assert book.top(4, 1.0) is Loss.EXHAUSTED
    assert not book.live


def test_a_short_side_is_known_whole():
    book = live_book(depth=6)
    gone = [(price, 0.0) for price, _ in BIDS[:2]]
    book.take(diff(101, 102, 100, [*gone, (90.0, 7.0)]), 0, 1.0)
    assert book.top(4, 1.0).bids == ((98.0, 1.0), (97.0, 1.0), (96.0, 1.0), (90.0, 7.0))


# -- any trouble on the way -----------------------------------------------------

SHOWN, DEPTH = 3, 4
_side = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=4)
_changes = st.lists(st.tuples(_side, _side, st.integers(1, 4)), min_size=1, max_size=25)
_steps = st.lists(
    st.tuples(
        st.sampled_from(["next", "next", "next", "lose", "repeat", "swap", "snapshot"]),
        st.integers(0, 6),
    ),
    max_size=60,
)


class Truth:
    """The exchange's own book at each of its update ids."""

    def __init__(self, changes):
        self.diffs, self.at = [], {1000: ({}, {})}
        bids, asks, last = {}, {}, 1000
        for number, (bid_rows, ask_rows, step) in enumerate(changes, 1):
            rows = (
                [(float(50 - tick), float(size)) for tick, size in bid_rows],
                [(float(51 + tick), float(size)) for tick, size in ask_rows],
            )
            for side, changed in ((bids, rows[0]), (asks, rows[1])):
                side.update(changed)
            # The ids are shared by all symbols, so the first id jumps.
            first, previous, last = last + step, last, last + 2 * step
            self.diffs.append(diff(first, last, previous, *rows, at=number))
            self.at[last] = (alive(bids), alive(asks))

    def top(self, last_id, count):
        bids, asks = self.at[last_id]
        return (
            tuple(sorted(bids.items(), reverse=True)[:count]),
            tuple(sorted(asks.items())[:count]),
        )


def alive(side):
    return {price: size for price, size in side.items() if size}


def trouble(truth, steps):
    """Yield what arrives: diffs lost, repeated and in wrong order, snapshots late."""
    waiting = list(truth.diffs)
    sent = []
    for step, number in steps:
        if step == "snapshot":
            known = [1000, *(each.last_id for each in sent)]
            last = known[max(0, len(known) - 1 - number)]
            yield snapshot(last, *truth.top(last, DEPTH))
        elif step == "repeat":
            yield from sent[-1 - number :][:1]
        elif waiting and step == "lose":
            sent.append(waiting.pop(0))
        elif waiting:
            index = min(number, len(waiting) - 1) if step == "swap" else 0
            sent.append(waiting.pop(index))
            yield sent[-1]


@given(_changes, _steps)
@settings(max_examples=500, deadline=None)
def test_whatever_is_lost_repeated_or_late_a_live_book_is_the_exchanges(changes, steps):
    truth = Truth(changes)
    book = KeptBook("B", depth=DEPTH, now=0)
    for event in trouble(truth, steps):
        if isinstance(event, BookSnapshot):
            book.asked()
            book.load(event, 0)
        else:
            book.take(event, 0, 0)
        top = book.top(SHOWN, 0)
        if isinstance(top, BookTop):
            assert (top.bids, top.asks) == truth.top(top.last_id, SHOWN)


@given(_changes, _steps)
@settings(max_examples=200, deadline=None)
def test_after_any_trouble_a_fresh_snapshot_and_the_diffs_after_it_make_it_live(
    changes, steps
):
    truth = Truth([*changes, *[([], [], 1)] * 2])
    *before, last = truth.diffs
    book = KeptBook("B", depth=1000, now=0)
    for event in trouble(truth, steps):
        if not isinstance(event, BookSnapshot) and event is not last:
            book.take(event, 0, 0)
    if not book.live:
        book.take(before[-1], 0, 0)
        book.load(snapshot(before[-1].last_id, *truth.top(before[-1].last_id, 99)), 0)
    book.take(last, 0, 0)
    assert book.live
    top = book.top(99, 0)
    assert (top.bids, top.asks) == truth.top(last.last_id, 99)
