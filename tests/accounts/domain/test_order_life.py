"""One life of an order, told in any order, twice, and late."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.domain.exchange import NewOrder, OrderNews, OrderRef, Outcome
from accounts.domain.order_life import (
    adopted,
    answered,
    begun,
    never_sent,
    parent_state,
    sent,
    told,
)

ORDER = NewOrder("q1", "BTCUSDT", "BUY", "LIMIT", Decimal(3), Decimal(100))
NEW = OrderNews(
    ref=OrderRef("BTCUSDT", "q1", 77),
    status="new",
    side="BUY",
    order_type="LIMIT",
    quantity=Decimal(3),
    filled=Decimal(0),
    average_price=Decimal(0),
    at=1_000,
    price=Decimal(100),
)
FIRST = replace(
    NEW,
    status="partially_filled",
    filled=Decimal(1),
    average_price=Decimal(99),
    at=2_000,
)
AMENDED = replace(FIRST, quantity=Decimal(2), price=Decimal(101), at=3_000)
WHOLE = replace(
    AMENDED, status="filled", filled=Decimal(2), average_price=Decimal(100), at=4_000
)
LIFE = [NEW, FIRST, AMENDED, WHOLE]


@given(
    st.permutations(LIFE).flatmap(
        lambda a: st.tuples(st.just(a), st.permutations(LIFE))
    )
)
def test_any_order_and_any_repetition_leads_to_the_same_end(orders):
    first, second = orders
    straight = begun(ORDER, 500)
    for news in LIFE:
        straight = told(straight, news)
    mixed = begun(ORDER, 500)
    for news in [*first, *second]:
        mixed = told(mixed, news)
    assert replace(mixed, acknowledged_at=0) == replace(straight, acknowledged_at=0)
    assert (mixed.state, mixed.filled, mixed.quantity) == ("filled", 2, 2)


@given(st.lists(st.sampled_from(LIFE), max_size=8), st.sampled_from(LIFE))
def test_nothing_ever_goes_back(before, news):
    known = begun(ORDER, 500)
    for each in before:
        known = told(known, each)
    after = told(known, news)
    assert after.rank >= known.rank
    assert after.filled >= known.filled
    assert after.event_at >= known.event_at


def test_an_answer_that_does_not_come_is_unknown_until_the_exchange_tells():
    known = answered(sent(begun(ORDER, 1), 2), Outcome("unknown", code=-1007), 3)
    assert (known.state, known.error_code, known.sent_at) == ("unknown", -1007, 2)
    found = told(known, WHOLE)
    assert (found.state, found.error_code, found.reason) == ("filled", None, "")


@pytest.mark.parametrize(
    ("kind", "state"), [("refused", "rejected"), ("not_sent", "never_sent")]
)
def test_what_was_refused_is_over_unless_the_exchange_says_else(kind, state):
    known = answered(begun(ORDER, 1), Outcome(kind, code=-2019, message="margin"), 2)
    assert (known.state, known.reason, known.error_code) == (state, "margin", -2019)
    assert told(known, NEW).state == "new"


def test_an_event_before_the_answer_is_not_undone_by_it():
    known = told(begun(ORDER, 1), WHOLE)
    assert answered(known, Outcome("done", NEW), 5).state == "filled"
    assert answered(known, Outcome("unknown"), 5).state == "filled"
    assert sent(known, 5).state == "filled"
    assert never_sent(known, "x").state == "filled"


def test_what_the_exchange_does_not_know_was_never_sent():
    known = never_sent(sent(begun(ORDER, 1), 2), "nobody knows it")
    assert (known.state, known.reason) == ("never_sent", "nobody knows it")


def test_orders_of_others_are_marked_and_ours_recognised():
    assert adopted(FIRST, ours=False).external
    found = adopted(replace(FIRST, liquidation=True), ours=True)
    assert not found.external
    assert found.liquidation
    assert found.reason == "found on the exchange"
    assert (found.state, found.filled, found.exchange_id) == ("partially_filled", 1, 77)


def test_a_conditional_order_keeps_its_own_number_and_learns_the_order_it_became():
    ref = OrderRef("BTCUSDT", "q1", None, algo=True, algo_id=5)
    held = replace(NEW, ref=ref, status="held", order_type="STOP_MARKET")
    known = adopted(held, ours=True)
    assert (known.algo, known.algo_id, known.exchange_id) == (True, 5, None)
    known = told(known, replace(held, status="new", triggered_id=99, at=2_000))
    assert (known.state, known.exchange_id) == ("new", 99)


@pytest.mark.parametrize(
    ("children", "state"),
    [
        ([("filled", 1), ("filled", 2)], "done"),
        ([("filled", 1), ("new", 0)], "working"),
        ([("filled", 1), ("unknown", 0)], "working"),
        ([("rejected", 0), ("unknown", 0)], "working"),
        ([("filled", 1), ("rejected", 0)], "partial"),
        ([("new", 0), ("never_sent", 0)], "partial"),
        ([("canceled", 1), ("canceled", 0)], "partial"),
        ([("rejected", 0), ("never_sent", 0)], "failed"),
        ([("canceled", 0), ("expired", 0)], "failed"),
        ([], "failed"),
    ],
)
def test_the_whole_is_what_its_parts_are(children, state):
    found = [(name, Decimal(filled)) for name, filled in children]
    assert parent_state(found, Decimal(3)) == state
