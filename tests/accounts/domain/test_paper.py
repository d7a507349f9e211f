"""Paper orders against a book."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.domain.paper import PaperBook, PaperCosts, rest, take
from core.errors import InvalidInput

D = Decimal
FREE = PaperCosts(D(0), D(0), D(0))
BOOK = PaperBook(
    bids=[(D(99), D(1)), (D(98), D(5))], asks=[(D(101), D(1)), (D(102), D(5))], at=0
)


def test_a_market_order_walks_the_levels():
    found = take("BUY", D(3), BOOK, FREE)
    assert [(one.quantity, one.price) for one in found.fills] == [
        (D(1), D(101)),
        (D(2), D(102)),
    ]
    assert found.average_price == D(305) / 3
    assert found.left == 0


def test_what_the_book_does_not_hold_is_left():
    assert take("SELL", D(10), BOOK, FREE).left == D(4)


def test_slippage_and_fee_are_paid_by_the_taker():
    costs = PaperCosts(taker_bps=D(10), slippage_bps=D(100))
    (fill,) = take("SELL", D(1), BOOK, costs).fills
    assert fill.price == D("98.01")
    assert fill.fee == D("0.09801")


def test_slipped_prices_are_rounded_against_the_taker():
    costs = PaperCosts(slippage_bps=D(1))
    assert take("BUY", D(1), BOOK, costs, tick=D("0.1")).fills[0].price == D("101.1")
    assert take("SELL", D(1), BOOK, costs, tick=D("0.1")).fills[0].price == D("98.9")


def test_a_limit_bounds_what_is_paid_and_the_rest_waits():
    costs = PaperCosts(slippage_bps=D(100))
    found = take("BUY", D(3), BOOK, costs, limit=D("101.5"))
    assert [(one.quantity, one.price) for one in found.fills] == [(D(1), D("101.5"))]
    assert found.left == D(2)


def test_an_order_of_nothing_is_refused():
    with pytest.raises(InvalidInput, match="quantity"):
        take("BUY", D(0), BOOK, FREE)


@pytest.mark.parametrize(
    ("side", "price", "filled"),
    [
        ("BUY", "99", True),
        ("BUY", "100", False),
        ("SELL", "101", True),
        ("SELL", "100", False),
    ],
)
def test_a_resting_order_needs_a_trade_through_its_price(side, price, filled):
    found = rest(
        side,
        D(2),
        D(100),
        traded_price=D(price),
        traded_quantity=D("0.5"),
        costs=PaperCosts(maker_bps=D(2)),
    )
    assert (found is not None) == filled
    if found:
        assert (found.quantity, found.price, found.fee) == (D("0.5"), D(100), D("0.01"))
        assert found.maker


levels = st.lists(
    st.tuples(st.decimals(1, 100, places=1), st.decimals(0, 10, places=2)), max_size=8
)


@given(levels, st.decimals("0.01", 50, places=2), st.decimals(0, 50, places=1))
def test_nothing_is_filled_twice_and_never_better_than_the_book(asks, wanted, slippage):
    book = PaperBook([], sorted(asks), 0)
    found = take("BUY", wanted, book, PaperCosts(slippage_bps=slippage))
    assert found.filled + found.left == wanted
    assert found.filled <= sum((one[1] for one in asks), D(0))
    if found.fills:
        assert found.average_price >= min(one[0] for one in asks if one[1])


def test_costs_must_be_numbers_of_zero_or_more():
    with pytest.raises(InvalidInput, match="taker_bps"):
        PaperCosts(taker_bps=D(-1))
