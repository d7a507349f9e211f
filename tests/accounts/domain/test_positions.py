"""Positions from fills, merged over accounts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.domain.positions import (
    Difference,
    Fill,
    Held,
    Position,
    apply,
    differences,
    merge,
)
from core.errors import InvalidInput

D = Decimal


def fill(side, quantity, price, *, at=0, position_side="BOTH", **given):
    return Fill("BTCUSDT", side, D(quantity), D(price), at, position_side, **given)


def after(*fills, side="BOTH"):
    position, gains = Position("BTCUSDT", side), []
    for one in fills:
        position, realised = apply(position, one)
        gains.append(realised)
    return position, gains


def test_buying_more_averages_the_entry():
    position, _ = after(fill("BUY", "1", "100"), fill("BUY", "3", "200"))
    assert (position.quantity, position.entry) == (D(4), D(175))


def test_selling_a_part_realises_and_leaves_the_entry():
    position, gains = after(fill("BUY", "4", "175"), fill("SELL", "1", "185"))
    assert (gains[-1].closed, gains[-1].profit) == (D(1), D(10))
    assert (position.quantity, position.entry) == (D(3), D(175))


def test_a_short_earns_when_the_price_falls():
    position, gains = after(fill("SELL", "2", "100"), fill("BUY", "2", "90"))
    assert gains[-1].profit == D(20)
    assert position.quantity == 0
    assert position.entry == 0


def test_a_fill_beyond_zero_closes_and_opens_the_other_way_at_its_price():
    position, gains = after(fill("BUY", "1", "100"), fill("SELL", "3", "110"))
    assert (gains[-1].closed, gains[-1].profit) == (D(1), D(10))
    assert (position.quantity, position.entry) == (D(-2), D(110))
    assert position.worth(D(105)) == D(10)


def test_a_hedge_side_cannot_be_closed_beyond_zero():
    with pytest.raises(InvalidInput, match="below 0"):
        after(
            fill("BUY", "1", "100", position_side="LONG"),
            fill("SELL", "2", "100", position_side="LONG"),
            side="LONG",
        )
    with pytest.raises(InvalidInput, match="above 0"):
        after(fill("BUY", "1", "100", position_side="SHORT"), side="SHORT")


def test_a_fill_of_another_symbol_is_refused():
    with pytest.raises(InvalidInput, match="BTCUSDT BOTH"):
        apply(Position("BTCUSDT"), Fill("ETHUSDT", "BUY", D(1), D(1), 0))


@pytest.mark.parametrize(("name", "value"), [("quantity", "0"), ("price", "-1")])
def test_a_fill_needs_a_quantity_and_a_price(name, value):
    with pytest.raises(InvalidInput) as caught:
        fill("BUY", **{"quantity": "1", "price": "1", name: value})
    assert caught.value.field == name


fills = st.lists(
    st.builds(
        fill,
        st.sampled_from(["BUY", "SELL"]),
        st.decimals("0.001", 100, places=3),
        st.decimals("0.1", 1000, places=1),
    ),
    max_size=20,
)


@given(fills, st.decimals("0.1", 1000, places=1))
def test_realised_and_open_profit_are_what_the_cash_says(made, price):
    """Money is neither made nor lost by counting: cash flow + worth = profit."""
    position, gains = after(*made)
    cash = sum((-one.signed * one.price for one in made), D(0))
    realised = sum((one.profit for one in gains), D(0))
    whole = cash + position.quantity * price
    assert abs(realised + position.worth(price) - whole) < D("1e-15")


@given(fills)
def test_the_quantity_is_the_sum_of_the_fills(made):
    position, _ = after(*made)
    assert position.quantity == sum((one.signed for one in made), D(0))


def held(account, quantity, entry, symbol="BTCUSDT", side="BOTH"):
    quantity = D(quantity)
    return Held(account, Position(symbol, side, quantity, quantity * D(entry)))


def test_merging_shows_net_gross_and_who_holds_what():
    rows = merge(
        [
            held("b", "-1", "110"),
            held("a", "3", "100"),
            held("c", "1", "200", side="LONG"),
            held("a", "1", "10", symbol="ADAUSDT"),
            held("d", "0", "0"),
        ]
    )
    assert [row.symbol for row in rows] == ["ADAUSDT", "BTCUSDT"]
    row = rows[1]
    assert (row.long, row.short, row.net, row.gross) == (D(4), D(1), D(3), D(5))
    assert (row.long_entry, row.short_entry) == (D(125), D(110))
    assert row.hedged
    assert [part.account for part in row.parts] == ["a", "b", "c"]
    assert row.worth(D(120)) == D(60) - D(10) - D(80)
    assert not rows[0].hedged


def test_a_position_that_one_side_does_not_list_counts_as_nothing():
    found = differences(
        [held("a", "1", "100"), held("a", "2", "1", symbol="ADAUSDT")],
        [held("a", "1", "101"), held("b", "-3", "1", symbol="XRPUSDT")],
    )
    assert found == [
        Difference("a", "ADAUSDT", "BOTH", ours=D(2), theirs=D(0)),
        Difference("b", "XRPUSDT", "BOTH", ours=D(0), theirs=D(-3)),
    ]


def test_parts_of_an_average_that_does_not_end_add_up_to_the_last_digit():
    position = Position("X")
    profits = []
    for side, quantity, price in [
        ("BUY", "0.1", "100"),
        ("BUY", "0.2", "100.1"),
        ("SELL", "0.1", "101"),
        ("SELL", "0.1", "102"),
        ("SELL", "0.1", "103"),
    ]:
        position, gained = apply(position, Fill("X", side, D(quantity), D(price), 0))
        profits.append(gained.profit)
    assert profits[2] == D("0.093333333333333333")
    assert sum(profits) == D("0.58")
    assert position.cost == 0
