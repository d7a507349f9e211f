from hypothesis import given
from hypothesis import strategies as st

from market.domain.state import MarketState
from market.domain.tape import TradeTape
from market.domain.types import Trade


def trade(number, *, time=None, symbol="BTCUSDT"):
    time = 1_000 + number if time is None else time
    return Trade(symbol, number, number, number, 10.0, 1.0, True, time, time, True)


@given(st.permutations(range(5, 30)))
def test_every_id_counts_once_in_any_order_after_the_first(order):
    tape = TradeTape()
    tape.add(trade(4))
    assert all(tape.add(trade(number)) for number in order)
    assert tape.holes == []
    assert not any(tape.add(trade(number)) for number in order)
    assert tape.duplicates == len(order)


@given(st.sets(st.integers(1, 200), min_size=1))
def test_the_tape_of_a_successor_has_the_holes_of_the_one_before(numbers):
    tape, seen = TradeTape(), sorted(numbers)
    for number in seen:
        tape.add(trade(number))
    later = TradeTape.after([(number, 1_000 + number) for number in seen])
    assert (later.holes, later.first, later.newest) == (tape.holes, seen[0], seen[-1])
    assert not any(later.add(trade(number)) for number in seen)


@given(st.sets(st.integers(1, 200), min_size=1), st.randoms(use_true_random=False))
def test_holes_are_exactly_the_ids_that_never_came(numbers, rng):
    tape = TradeTape()
    tape.add(trade(0))
    shuffled = sorted(numbers)
    rng.shuffle(shuffled)
    for number in shuffled:
        tape.add(trade(number))
    missing = set(range(1, max(numbers))) - numbers
    listed = {n for first, last in tape.holes for n in range(first, last + 1)}
    assert listed == missing
    assert tape.missing == len(missing)


def test_an_old_id_at_a_new_time_begins_a_new_count():
    tape = TradeTape()
    tape.add(trade(1_000_000))
    assert tape.add(trade(5, time=2_000_000))
    assert (tape.first, tape.newest, tape.holes) == (5, 5, [])


def test_what_is_given_up_is_missing_no_more():
    tape = TradeTape()
    tape.add(trade(1))
    tape.add(trade(100))
    tape.give_up(2, 50)
    assert tape.holes == [(51, 99)]


def test_overlapping_connections_lose_and_double_nothing():
    state = MarketState()
    old, new = list(range(1, 61)), list(range(40, 101))
    for number in [*old[:45], *new[:30], *old[45:], *new[30:]]:
        state.apply(trade(number), 1)
    rows = next(i for i in state.symbol_items("BTCUSDT") if i["k"] == "trades")
    assert [row[0] for row in rows["items"]] == list(range(51, 101))
    assert state.counts.applied["Trade"] == 100
    assert list(state.holes()) == []


def test_a_symbol_watched_again_begins_without_a_hole():
    state = MarketState()
    state.apply(trade(1), 1)
    state.unwatch("BTCUSDT")
    state.apply(trade(500), 2)
    assert list(state.holes()) == []
