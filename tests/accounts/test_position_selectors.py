"""Merged positions and their three prices, against values computed by hand."""

import time

import pytest

from accounts import position_selectors
from accounts.models import Position
from tests.accounts import planted
from tests.accounts.planted import VENUE

pytestmark = [pytest.mark.django_db]


def merged(**wanted):
    return position_selectors.merged_positions(venue=VENUE, **wanted)


def profits(valuation):
    return {one["source"]: one["profit"] for one in valuation["readings"]}


@pytest.fixture
def three(bus):
    """A long, a short against it, and both sides of hedge mode elsewhere."""
    one, two = planted.account("one"), planted.account("two", group="aggressive")
    planted.position(one, "BTCUSDT", "0.3", "100.1", profit="0.27")
    planted.position(two, "BTCUSDT", "-0.1", "103", profit="0.2")
    planted.position(two, "ETHUSDT", "2", "50", side="LONG", profit="2")
    planted.position(two, "ETHUSDT", "-0.5", "52", side="SHORT", profit="0.5")
    planted.position(two, "XRPUSDT", "0", "0")
    planted.quotes(bus, BTCUSDT=(101.0, 101.2, 101.0, 101.1), ETHUSDT=(51, 51, 51, 51))


def test_accounts_are_merged_and_their_parts_stay(three):
    told = merged()
    btc, eth = told["positions"]
    assert (btc["symbol"], btc["net"], btc["gross"]) == ("BTCUSDT", "0.2", "0.4")
    assert (btc["long"], btc["short"], btc["hedged"]) == ("0.3", "0.1", True)
    assert [part["account"] for part in btc["parts"]] == ["one", "two"]
    assert (eth["net"], eth["gross"], eth["accounts"]) == ("1.5", "2.5", 1)
    assert [part["side"] for part in eth["parts"]] == ["LONG", "SHORT"]


def test_the_exchanges_own_word_is_as_old_as_the_oldest_part(three):
    Position.objects.update(event_at=9)
    Position.objects.filter(account__name="one").update(event_at=7)
    assert [row["exchange_at"] for row in merged()["positions"]] == [7, 9]


def test_every_source_stands_beside_the_exchanges_own_word(three):
    btc, eth = merged()["positions"]
    assert profits(btc["parts"][0]["valuation"]) == {
        "mark": "0.27",
        "last": "0.33",
        "mid": "0.285",
    }
    value = btc["valuation"]
    assert (value["source"], value["profit"], value["exchange_profit"]) == (
        "mark",
        "0.47",
        "0.47",
    )
    assert value["consistent"]
    assert eth["valuation"]["profit"] == "2.5"
    told = merged()
    assert told["totals"]["profit"] == "2.97"
    assert told["totals"]["exchange_profit"] == "2.97"
    assert told["totals"]["exchange_told"] == 4
    assert told["totals"]["gross_notional"] == "167.9"
    assert told["sources"]["mark"]["healthy"]


def test_an_old_mark_price_gives_way_to_the_last_trade(bus):
    one = planted.account()
    planted.position(one, "BTCUSDT", "1", "100")
    planted.quotes(
        bus,
        BTCUSDT={"m": 90.0, "p": 101.0, "b": 100.5, "a": 101.5, "s": [60_000, 0, 0]},
    )
    told = merged()
    (value,) = [one["valuation"] for one in told["positions"]]
    assert (value["source"], value["profit"]) == ("last", "1")
    assert any("mark price is" in problem for problem in value["problems"])
    assert told["sources"]["mark"]["fresh"] == 0
    assert not told["sources"]["mark"]["healthy"]


def test_sources_that_differ_too_much_are_said_to(bus):
    one = planted.account()
    planted.position(one, "BTCUSDT", "1", "100")
    planted.quotes(bus, BTCUSDT=(100.0, 101.0, 100.0, 100.0))
    told = merged()
    assert not told["positions"][0]["valuation"]["consistent"]
    assert told["totals"]["inconsistent"] == 1


def test_a_profit_of_zero_beside_a_price_is_computed_again(bus):
    one = planted.account()
    planted.position(one, "BTCUSDT", "1", "100", profit="0")
    planted.quotes(bus, BTCUSDT=(102.0, 102.0, 102.0, 102.0))
    (value,) = [one["valuation"] for one in merged()["positions"]]
    assert (value["profit"], value["exchange_profit"]) == ("2", "0")
    assert any("computed instead" in problem for problem in value["problems"])


def test_without_prices_the_exchanges_own_word_is_left_and_the_reason_said(bus):
    one = planted.account()
    planted.position(one, "BTCUSDT", "1", "100", profit="7")
    told = merged()
    (value,) = [one["valuation"] for one in told["positions"]]
    assert (value["source"], value["profit"]) == (None, "7")
    assert told["prices_problem"]
    assert told["positions"][0]["notional"] is None


def test_positions_can_be_asked_for_by_account_group_and_symbol(three):
    assert [one["net"] for one in merged(account="one")["positions"]] == ["0.3"]
    assert len(merged(group="aggressive")["positions"]) == 2
    assert len(merged(symbol="ETHUSDT")["positions"]) == 1
    assert position_selectors.merged_positions(venue="testnet")["positions"] == []


def test_a_hundred_accounts_are_merged_quickly(bus):
    for number in range(100):
        one = planted.account(f"a{number}", group="")
        for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT"):
            planted.position(one, symbol, "1", "100")
    prices = (101.0,) * 4
    planted.quotes(bus, BTCUSDT=prices, ETHUSDT=prices, XRPUSDT=prices)
    started = time.monotonic()
    told = merged()
    assert time.monotonic() - started < 1.0
    assert told["totals"] | {"notional": "", "gross_notional": ""} == {
        "symbols": 3, "parts": 300, "profit": "300", "exchange_profit": None, "exchange_told": 0,
        "notional": "", "gross_notional": "", "inconsistent": 0,
    }  # fmt: skip
