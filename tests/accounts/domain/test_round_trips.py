"""Closed trades against values computed by hand; sums against the plain statement."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from accounts.domain.pnl import Conversion, Funding, statement
from accounts.domain.positions import Fill
from accounts.domain.round_trips import ledger

D = Decimal


def fill(side, quantity, price, at, **more):
    return Fill("BTCUSDT", side, D(quantity), D(price), at, **more)


def test_a_long_closed_in_two_parts_is_one_trade():
    (trip,) = ledger(
        [
            fill("BUY", "2", "100.5", 1, fee=D("0.0402")),
            fill("SELL", "0.5", "101", 2, fee=D("0.0202")),
            fill("SELL", "1.5", "102.1", 3, fee=D("0.06126")),
        ],
        funding=[Funding("BTCUSDT", D("-0.011"), 2)],
    ).trips
    assert (trip.direction, trip.opened_at, trip.closed_at) == ("long", 1, 3)
    assert trip.quantity == D(2)
    assert trip.entry == D("100.5")
    assert trip.exit == D("101.825")
    assert trip.realised == D("2.65")
    assert trip.fees == D("0.12166")
    assert trip.funding == D("-0.011")
    assert trip.net == D("2.51734")


def test_a_fill_beyond_zero_ends_one_trade_and_begins_another_with_its_part_of_the_fee():
    first, second = ledger(
        [
            fill("BUY", "1", "100", 1, fee=D("0.04")),
            fill("SELL", "4", "110", 2, fee=D("0.16")),
        ]
    ).trips
    assert (first.closed_at, first.realised, first.fees) == (2, D(10), D("0.08"))
    assert (second.direction, second.closed_at) == ("short", None)
    assert (second.quantity, second.entry, second.fees) == (D(3), D(110), D("0.12"))


def test_both_sides_of_hedge_mode_are_trades_of_their_own_and_share_the_funding():
    walked = ledger(
        [
            fill("BUY", "3", "100", 1, position_side="LONG"),
            fill("SELL", "1", "100", 1, position_side="SHORT"),
        ],
        funding=[Funding("BTCUSDT", D("-4"), 2), Funding("ETHUSDT", D("7"), 2)],
    )
    assert {trip.direction: trip.funding for trip in walked.trips} == {
        "long": D(-3),
        "short": D(-1),
    }


def test_a_fee_in_another_asset_names_the_price_and_its_time():
    walked = ledger(
        [fill("BUY", "1", "100", 50, fee=D("0.0001"), fee_asset="BNB")],
        conversions={
            "BNB": [
                Conversion("BNB", D(700), 60),
                Conversion("BNB", D(600), 40),
                Conversion("BNB", D(500), 10),
            ]
        },
    )
    assert walked.fees[0].value == D("0.06")
    assert walked.fees[0].conversion == Conversion("BNB", D(600), 40)
    assert walked.trips[0].fees == D("0.06")


def test_a_fee_whose_price_nobody_knows_stands_apart():
    walked = ledger(
        [fill("BUY", "1", "100", 5, fee=D("0.0001"), fee_asset="BNB")],
        conversions={"BNB": [Conversion("BNB", D(600), 6)]},
    )
    assert walked.fees[0].value is None
    assert walked.trips[0].fees == 0
    assert walked.trips[0].unconverted == {"BNB": D("0.0001")}


numbers = st.decimals(min_value="0.001", max_value="1000", places=3)
fills = st.lists(
    st.builds(
        lambda side, quantity, price, fee: (side, quantity, price, fee),
        st.sampled_from(["BUY", "SELL"]), numbers, numbers,
        st.decimals(min_value="-1", max_value="1", places=4),
    ),
    max_size=12,
)  # fmt: skip


@given(fills)
def test_trades_come_to_what_the_statement_says(given_fills):
    made = [
        fill(side, quantity, price, at, fee=fee)
        for at, (side, quantity, price, fee) in enumerate(given_fills)
    ]
    walked, plain = ledger(made), statement(made)
    near = D("1e-15")
    assert abs(sum(t.realised for t in walked.trips) - plain.realised) < near
    assert abs(sum(t.fees for t in walked.trips) - plain.fees) < near
    assert sum(one.profit for one in walked.closings) == plain.realised
    assert walked.positions == plain.positions
    assert sum(trip.closed_at is None for trip in walked.trips) == len(plain.positions)
