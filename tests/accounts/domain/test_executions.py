"""What is owed of orders: told as a sum, told one by one, told by the stream."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.domain import executions
from accounts.domain.exchange import FillNews, OrderNews, OrderRef
from accounts.domain.executions import Executions, Key

D = Decimal
KEY = Key("BTCUSDT", 7)
HALF = OrderNews(
    OrderRef("BTCUSDT", "q", 7), "partially_filled", "BUY", "LIMIT", D(2), D(1), D(100), 1
)  # fmt: skip
WHOLE = replace(HALF, status="filled", filled=D(2))
FIRST = FillNews("BTCUSDT", 1, 7, "BUY", D(1), D(100), 1)
SECOND = replace(FIRST, trade_id=2)


@pytest.fixture
def ours():
    return Executions()


def test_what_is_told_with_its_executions_owes_nothing(ours):
    for news, fill in ((HALF, FIRST), (WHOLE, SECOND)):
        assert ours.told(news) == KEY  # the order's state comes before its execution
        ours.add(fill, heard=True)
        assert ours.told(news) is None


@given(st.permutations([HALF, WHOLE, FIRST, SECOND, WHOLE, FIRST]))
def test_the_order_in_which_it_comes_makes_no_difference(told):
    ours = Executions()
    for one in told:
        if isinstance(one, FillNews):
            ours.add(one, heard=True)
        else:
            ours.told(one)
    assert not ours.owed(KEY)
    assert not ours.unheard(KEY)


def test_an_execution_that_nobody_told_is_owed_until_it_is_fetched(ours):
    ours.told(WHOLE)
    ours.add(SECOND, heard=True)
    assert ours.owed(KEY)
    ours.add(FIRST, heard=False)
    assert not ours.owed(KEY)
    assert ours.unheard(KEY)
    ours.add(FIRST, heard=True)  # late, but it came
    assert not ours.unheard(KEY)


def test_a_comparison_makes_up_for_what_was_told_before_it(ours):
    ours.told(HALF)
    ours.add(FIRST, heard=False)
    turn = ours.turn
    other = replace(HALF, ref=OrderRef("BTCUSDT", "r", 8))
    ours.told(other)
    ours.add(replace(FIRST, trade_id=5, exchange_id=8), heard=False)
    ours.compared(turn)
    assert not ours.unheard(KEY)
    assert ours.unheard(Key("BTCUSDT", 8))
    ours.told(WHOLE)
    assert ours.owed(KEY)


def test_what_cannot_be_had_is_not_owed_for_ever(ours):
    ours.told(HALF)
    ours.excuse(KEY)
    assert not ours.owed(KEY)
    ours.told(WHOLE)
    assert ours.owed(KEY)
    ours.add(SECOND, heard=True)
    assert ours.told(WHOLE) is None


def test_a_conditional_order_owes_those_of_the_order_that_it_became(ours):
    ref = OrderRef("BTCUSDT", "q", None, algo=True, algo_id=3)
    assert ours.told(replace(HALF, ref=ref, status="held", filled=D(0))) is None
    assert ours.told(replace(HALF, ref=ref, triggered_id=7)) == KEY


def test_the_same_number_on_another_symbol_is_another_order(ours):
    ours.told(HALF)
    ours.add(replace(FIRST, symbol="ETHUSDT"), heard=True)
    assert ours.owed(KEY)


def test_only_the_newest_orders_are_kept(ours, monkeypatch):
    monkeypatch.setattr(executions, "KEPT", 2)
    for number in (7, 8, 9):
        ours.told(replace(HALF, ref=OrderRef("BTCUSDT", "q", number)))
    assert not ours.owed(KEY)
    assert ours.owed(Key("BTCUSDT", 9))
