"""Ours against the exchange's: what differs, what is newer, what was traded."""

from dataclasses import replace
from decimal import Decimal

import pytest

from accounts.domain.comparison import (
    Held,
    Ours,
    Wallet,
    differences,
    missing,
    order_difference,
    traded_symbols,
)
from accounts.domain.exchange import (
    AccountPicture,
    BalanceNews,
    IncomeNews,
    NewOrder,
    OrderNews,
    OrderRef,
    PositionNews,
)
from accounts.domain.order_life import begun, told

D = Decimal
AT = 1_000
NEWS = OrderNews(
    ref=OrderRef("BTCUSDT", "q1", 7),
    status="new",
    side="BUY",
    order_type="LIMIT",
    quantity=D(2),
    filled=D(0),
    average_price=D(0),
    at=900,
    price=D(90),
)
KNOWN = told(begun(NewOrder("q1", "BTCUSDT", "BUY", "LIMIT", D(2), D(90)), 800), NEWS)
EMPTY = AccountPicture(AT)


def whats(ours, picture):
    return [
        (one.what, one.symbol, one.ours, one.theirs)
        for one in differences(ours, picture)
    ]


def test_the_same_is_no_difference():
    picture = AccountPicture(
        AT,
        orders=(NEWS,),
        positions=(PositionNews("BTCUSDT", "BOTH", D("2.0"), D(90), AT),),
        balances=(BalanceNews("USDT", D("5.00"), AT),),
    )
    ours = Ours(
        orders=(KNOWN,),
        positions=(Held("BTCUSDT", "BOTH", D(2), 900),),
        balances=(Wallet("USDT", D(5), 900),),
    )
    assert whats(ours, picture) == []
    assert missing(ours, picture) == []


def test_a_position_that_is_not_listed_is_held_no_more():
    ours = Ours(positions=(Held("BTCUSDT", "BOTH", D(2), 900),))
    assert whats(ours, EMPTY) == [("position", "BTCUSDT BOTH", "2", "0")]
    assert differences(ours, EMPTY)[0].mending.quantity == 0


def test_what_we_learnt_after_the_picture_is_left_alone():
    ours = Ours(
        orders=(replace(KNOWN, event_at=AT + 1),),
        positions=(Held("BTCUSDT", "BOTH", D(2), AT + 1),),
        balances=(Wallet("USDT", D(5), AT + 1),),
    )
    picture = AccountPicture(AT, balances=(BalanceNews("USDT", D(4), AT),))
    assert whats(ours, picture) == []
    assert missing(ours, picture) == []


def test_orders_that_only_one_side_has_open_are_told():
    assert missing(Ours(orders=(KNOWN,)), EMPTY) == [KNOWN]
    found = whats(Ours(), AccountPicture(AT, orders=(NEWS,)))
    assert found == [("order", "BTCUSDT", "unknown", "new, 0 of 2 filled")]


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({}, False),
        ({"status": "partially_filled", "filled": D(1), "at": 950}, True),
        ({"status": "filled", "filled": D(2), "at": 950}, True),
        ({"quantity": D(3), "at": 950}, True),
        ({"status": "canceled", "at": 800}, False),
    ],
)
def test_an_order_differs_when_the_exchange_is_ahead(changes, differs):
    found = order_difference(KNOWN, replace(NEWS, **changes))
    assert (found is not None) is differs


def test_a_number_finds_an_order_whose_name_the_exchange_changed():
    news = replace(NEWS, ref=OrderRef("BTCUSDT", "other", 7))
    assert whats(Ours(orders=(KNOWN,)), AccountPicture(AT, orders=(news,))) == []


def test_a_mode_that_differs_is_mended():
    found = differences(Ours(hedge=False), AccountPicture(AT, hedge=True))
    assert [one.what for one in found] == ["mode"]
    assert found[0].mending.hedge is True


def test_symbols_that_differ_earn_or_miss_fills_are_asked_for():
    ours = Ours(
        positions=(Held("BTCUSDT", "BOTH", D(2), 900),), unfilled=frozenset({"XRPUSDT"})
    )
    incomes = [
        IncomeNews("COMMISSION", "1", "USDT", D(-1), AT, "ETHUSDT"),
        IncomeNews("FUNDING_FEE", "2", "USDT", D(-1), AT, "BNBUSDT"),
    ]
    found = traded_symbols(ours, differences(ours, EMPTY), incomes)
    assert found == {"BTCUSDT", "ETHUSDT", "XRPUSDT"}
