"""Profit by three prices; statements with fees and funding."""

from decimal import Decimal

import pytest

from accounts.domain.pnl import Conversion, Funding, Price, Tolerance, statement, value
from accounts.domain.positions import Fill, Position
from core.errors import InvalidInput

D = Decimal
NOW = 1_000_000
LONG = Position("BTCUSDT", "BOTH", D("0.5"), D("0.5") * D(60000))


def prices(**given):
    return {
        name: Price(D(price), NOW - int(age * 1000))
        for name, (price, age) in given.items()
    }


def test_the_mark_price_counts_first_and_all_are_shown():
    found = value(
        LONG,
        prices(mark=("60100", 1), last=("60110", 2), mid=("60090", 0)),
        now_ms=NOW,
        exchange_profit=D(49),
    )
    assert (found.source, found.profit) == ("mark", D(50))
    assert [(one.source, one.profit) for one in found.readings] == [
        ("mark", D(50)),
        ("last", D(55)),
        ("mid", D(45)),
    ]
    assert found.exchange_profit == D(49)
    assert found.consistent
    assert found.problems == ()


def test_a_stale_mark_price_gives_way_to_the_last_trade():
    found = value(LONG, prices(mark=("60100", 11), last=("60200", 1)), now_ms=NOW)
    assert (found.source, found.profit) == ("last", D(100))
    assert found.problems == ("the mark price is 11 s old",)


def test_only_stale_prices_still_give_a_number_that_says_so():
    found = value(LONG, prices(mid=("60200", 60)), now_ms=NOW)
    assert (found.source, found.profit) == ("mid", D(100))
    assert found.problems == ("the mid price is 60 s old",)


def test_without_any_price_the_exchange_s_own_number_stands():
    found = value(LONG, {}, now_ms=NOW, exchange_profit=D(7))
    assert (found.source, found.profit) == (None, D(7))
    assert found.problems == ("no source has a price",)


def test_sources_that_differ_beyond_the_tolerance_are_told():
    found = value(
        LONG,
        prices(mark=("60000", 1), last=("61000", 1)),
        now_ms=NOW,
        tolerance=Tolerance(spread=D("0.01")),
    )
    assert not found.consistent
    assert found.problems == ("the sources differ by 1.64 %",)


def test_a_profit_of_zero_beside_a_mark_price_is_computed():
    found = value(LONG, prices(mark=("60100", 1)), now_ms=NOW, exchange_profit=D(0))
    assert found.profit == D(50)
    assert "computed instead" in found.problems[0]


def test_a_short_wins_what_a_long_loses():
    short = Position("BTCUSDT", "SHORT", D("-0.5"), D("-0.5") * D(60000))
    found = value(short, prices(mark=("60100", 1)), now_ms=NOW)
    assert found.profit == D(-50)


def fill(side, quantity, price, at, **given):
    return Fill("BTCUSDT", side, D(quantity), D(price), at, **given)


def test_a_long_with_partial_closes_fees_and_funding_to_the_last_digit():
    found = statement(
        [
            fill("SELL", "0.3", "61000", 3, fee=D("7.32")),
            fill("BUY", "0.5", "60000", 1, fee=D("12")),
            fill("SELL", "0.2", "59500.5", 4, fee=D("4.76004")),
        ],
        funding=[Funding("BTCUSDT", D("-1.2345"), 2)],
    )
    assert found.realised == D("300") + D("-99.9")
    assert found.fees == D("24.08004")
    assert found.funding == D("-1.2345")
    assert found.net == D("200.1") - D("24.08004") - D("1.2345")
    assert found.positions == ()


def test_a_hedge_keeps_both_sides_apart():
    found = statement(
        [
            fill("BUY", "1", "100", 1, position_side="LONG"),
            fill("SELL", "1", "110", 2, position_side="SHORT"),
            fill("SELL", "1", "105", 3, position_side="LONG"),
        ]
    )
    assert found.realised == D(5)
    assert [(one.side, one.quantity) for one in found.positions] == [("SHORT", D(-1))]


def test_a_fee_in_another_asset_uses_the_price_of_its_moment_and_names_it():
    known = {"BNB": [Conversion("BNB", D(600), 1), Conversion("BNB", D(650), 5)]}
    found = statement(
        [fill("BUY", "1", "100", 4, fee=D("0.001"), fee_asset="BNB")], conversions=known
    )
    assert found.fees == D("0.6")
    assert found.conversions == (Conversion("BNB", D(600), 1),)


def test_a_fee_that_cannot_be_converted_is_an_error():
    with pytest.raises(InvalidInput, match="no price is known at or before 4"):
        statement([fill("BUY", "1", "100", 4, fee=D(1), fee_asset="BNB")])
