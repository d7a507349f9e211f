"""Positions and money, by hand and by property."""

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.simulator.accounts import ledger
from market.simulator.accounts.records import Account
from market.simulator.accounts.terms import (
    BRACKETS,
    cents,
    maintenance,
    most_notional,
)
from market.simulator.symbols import list_symbols


def account(**given):
    return Account(key="k", secret="s", wallet=D(1000), **given)


def run(fills, **given):
    """The account and holding after fills (side, quantity, price)."""
    owner = account(**given)
    holding = owner.holding("BTCUSDT", "BOTH")
    profits = [
        ledger.apply(owner, holding, side, D(quantity), D(price))
        for side, quantity, price in fills
    ]
    return owner, holding, profits


def test_a_long_is_averaged_closed_in_parts_and_realises_by_average_cost():
    owner, holding, profits = run(
        [("BUY", 1, 100), ("BUY", 3, 120), ("SELL", 1, 130), ("SELL", 3, 110)]
    )
    assert profits == [0, 0, D(15), D(-15)]
    assert holding.amount == holding.cost == 0
    assert owner.wallet == 1000


def test_a_one_way_position_turns_at_the_price_of_the_fill():
    owner, holding, profits = run([("SELL", 2, 100), ("BUY", 5, 90)])
    assert profits == [0, D(20)]
    assert (holding.amount, holding.entry) == (3, 90)
    assert owner.wallet == 1020


def test_an_isolated_position_binds_its_margin_and_frees_it_by_share():
    owner, holding, _ = run(
        [("BUY", 4, 100)], isolated={"BTCUSDT": True}, leverages={"BTCUSDT": 10}
    )
    assert holding.isolated == 40
    ledger.apply(owner, holding, "SELL", D(1), D(100))
    assert holding.isolated == 30
    found = ledger.margin(owner, lambda _: D(100))
    assert (found.cross_wallet, found.available) == (970, 970)


def test_margin_adds_profit_takes_what_positions_bind_and_never_goes_below_0():
    owner, _, _ = run([("BUY", 10, 100)], leverages={"BTCUSDT": 2})
    found = ledger.margin(owner, lambda _: D(110))
    assert (found.profit, found.positions, found.available) == (100, 550, 550)
    assert ledger.margin(owner, lambda _: D(10)).available == 50
    assert ledger.margin(owner, lambda _: D(1)).available == 5


def test_at_its_liquidation_price_a_position_has_exactly_its_maintenance_left():
    owner, holding, _ = run([("BUY", 100, 100)])
    price = ledger.liquidation_price(owner, holding, lambda _: D(100))
    found = ledger.margin(owner, lambda _: price)
    left = found.cross_wallet + found.cross_profit
    assert left == pytest.approx(found.maintenance)
    assert 90 < price < 91


def test_brackets_add_up_part_by_part():
    assert maintenance(D(50_000)) == 200
    assert maintenance(D(60_000)) == 250
    assert most_notional(125) == 50_000
    assert most_notional(1) == BRACKETS[-1][0]


FILLS = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL"]),
        st.decimals("0.001", 50, places=3),
        st.decimals("0.1", 500, places=1),
    ),
    max_size=20,
)


@given(FILLS)
def test_wallet_and_open_profit_are_what_was_paid_and_got(fills):
    owner, holding, _ = run(fills)
    cash = sum(
        (D(q) * D(p) * (1 if side == "SELL" else -1) for side, q, p in fills), D(0)
    )
    amount = sum((D(q) * (1 if side == "BUY" else -1) for side, q, _ in fills), D(0))
    assert holding.amount == amount
    price = D(77)
    assert owner.wallet - 1000 + ledger.open_profit(holding, price) == (
        cash + amount * price
    )


@given(FILLS)
def test_a_wallet_is_its_beginning_and_the_profits_to_the_last_digit(fills):
    owner, _, profits = run(fills)
    assert owner.wallet == 1000 + sum(profits)
    assert all(one == cents(one) for one in profits)


def test_what_a_part_lost_to_rounding_comes_with_the_rest():
    _, holding, profits = run(
        [("BUY", 3, "100.1"), ("BUY", 4, "100.2"), ("SELL", 1, 101), ("SELL", 6, 100)]
    )
    assert profits == [0, 0, D("0.84285714"), D("-0.94285714")]
    assert holding.cost == 0


def test_every_contract_moves_money_in_whole_hundred_millionths():
    listed = list_symbols(seed=7, speed=1.0, count=140)
    assert max(one.price_decimals + one.quantity_decimals for one in listed) <= 8
