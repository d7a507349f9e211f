"""Profit of a period against values computed by hand, to the last digit."""

from decimal import Decimal

import pytest

from accounts import ledger_selectors, pnl_selectors
from accounts.messages import thin
from accounts.pnl_selectors import Period
from market.models import Candle, Series
from tests.accounts import planted
from tests.accounts.planted import DAY, NOW, VENUE

D = Decimal
ALL = Period(0, NOW + DAY)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]


def report(*accounts, period=ALL):
    return pnl_selectors.report(accounts, period)


def numbers(told, *names):
    return tuple(told[name] for name in names)


def test_realised_fees_and_funding_stand_apart():
    one = planted.account()
    planted.fill(one, "BUY", "0.3", "100.1", fee=D("0.012012"))
    planted.fill(one, "SELL", "0.1", "100.7", fee=D("0.004028"), realised=D("0.06"))
    planted.funding(one, "-0.0031")
    planted.position(one, "BTCUSDT", "0.2", "100.1")
    told = report(one)
    assert numbers(told["totals"], "realised", "fees", "funding", "net") == (
        "0.06",
        "0.01604",
        "-0.0031",
        "0.04086",
    )
    assert numbers(told["totals"], "volume", "fills", "difference") == (
        "40.1",
        2,
        "0",
    )
    assert told["totals"]["agrees"]
    assert told["accounts"][0]["basis"] == "fills"
    assert told["trades"] == []


def test_a_short_and_both_sides_of_hedge_mode():
    one = planted.account(position_mode="hedge")
    planted.fill(one, "SELL", "2", "50.5", symbol="ETHUSDT", position_side="SHORT")
    planted.fill(one, "BUY", "1", "49", symbol="ETHUSDT", position_side="LONG")
    planted.fill(one, "BUY", "2", "50.25", symbol="ETHUSDT", position_side="SHORT")
    planted.fill(one, "SELL", "1", "50", symbol="ETHUSDT", position_side="LONG")
    told = report(one)
    assert told["totals"]["realised"] == "1.5"
    assert [(t["direction"], t["net"]) for t in told["trades"]] == [
        ("long", "1"),
        ("short", "0.5"),
    ]


def test_a_period_counts_what_was_closed_in_it_at_the_price_it_was_opened_before():
    one = planted.account()
    planted.fill(one, "BUY", "1", "100", at=NOW - 3 * DAY, fee=D("0.05"))
    planted.fill(one, "SELL", "1", "110", at=NOW - DAY, fee=D("0.06"))
    told = report(one, period=Period(NOW - 2 * DAY, NOW))
    assert numbers(told["totals"], "realised", "fees", "fills") == ("10", "0.06", 1)
    assert told["trades"][0]["net"] == "9.89"
    assert report(one, period=Period(0, NOW - 2 * DAY))["totals"]["realised"] == "0"


def test_a_fee_in_another_asset_names_its_price_and_time():
    one = planted.account()
    series = Series.objects.create(venue=VENUE, symbol="BNBUSDT", interval="15m")
    bar = (NOW - DAY) // 900_000 * 900_000
    for number, close in enumerate((600.5, 700.0)):
        Candle.objects.create(
            series=series, open_time=bar + number * 900_000, open=1, high=1, low=1,
            close=close, volume=0, quote_volume=0, trades=0, taker_base=0, taker_quote=0,
        )  # fmt: skip
    at = bar + 900_000 + 5
    planted.fill(one, "BUY", "1", "100", at=at, fee=D("0.0002"), fee_asset="BNB")
    planted.position(one, "BTCUSDT", "1", "100")
    told = report(one)
    assert told["totals"]["fees"] == "0.1201"
    assert told["conversions"] == [
        {"asset": "BNB", "at": bar + 900_000, "price": "600.5", "paid": "0.0002"}
    ]
    assert told["unconverted"] == {}


def test_a_fee_whose_price_nobody_knows_is_told_apart():
    one = planted.account()
    planted.fill(one, "BUY", "1", "100", fee=D("0.0002"), fee_asset="BNB")
    planted.position(one, "BTCUSDT", "1", "100")
    told = report(one)
    assert told["totals"]["fees"] == "0"
    assert told["unconverted"] == {"BNB": "0.0002"}


def test_fills_that_do_not_lead_to_what_is_held_give_way_to_the_exchanges_word():
    one = planted.account()
    planted.fill(one, "SELL", "1", "110", fee=D("0.05"), realised=D("8.5"))
    planted.position(one, "BTCUSDT", "2", "101.5")
    told = report(one)
    (line,) = told["accounts"]
    assert line["basis"] == "exchange"
    assert "BTCUSDT BOTH come to -1" in line["problem"]
    assert numbers(line, "realised", "fees", "net") == ("8.5", "0.05", "8.45")


def test_a_hedge_side_that_was_open_before_we_knew_it():
    one = planted.account(position_mode="hedge")
    planted.fill(one, "SELL", "1", "110", position_side="LONG", realised=D("3"))
    told = report(one)
    assert "begin inside a position" in told["accounts"][0]["problem"]
    assert told["totals"]["realised"] == "3"


def test_a_paper_account_begins_at_its_reset():
    one = planted.account(mode="paper", paper_since=NOW - DAY // 2)
    planted.fill(one, "BUY", "1", "100", at=NOW - DAY)
    planted.fill(one, "BUY", "1", "100", at=NOW - 10)
    planted.fill(one, "SELL", "1", "101", at=NOW - 5)
    told = report(one)
    assert numbers(told["totals"], "realised", "fills") == ("1", 2)


def test_contracts_in_another_asset_are_named_and_not_mixed_in():
    one = planted.account()
    planted.fill(one, "BUY", "1", "100", symbol="BTCUSDC")
    told = report(one)
    assert told["other_assets"] == ["USDC"]
    assert told["totals"]["volume"] == "0"


def test_a_difference_below_the_exchanges_rounding_is_none():
    one = planted.account()
    planted.fill(one, "BUY", "3", "10")
    planted.fill(one, "SELL", "3", "10.1", realised=D("0.299999995"))
    planted.fill(one, "BUY", "1", "10")
    planted.fill(one, "SELL", "1", "11", realised=D("0.9"))
    (line,) = report(one)["accounts"]
    assert (line["difference"], line["agrees"]) == ("0.100000005", False)
    early = report(one, period=Period(0, one.fill_set.order_by("-at")[1].at))
    assert early["totals"]["agrees"]


def test_several_accounts_add_up():
    one, two = planted.account("one"), planted.account("two")
    for owner, price in ((one, "101"), (two, "99.5")):
        planted.fill(owner, "BUY", "1", "100")
        planted.fill(owner, "SELL", "1", price)
    told = report(one, two)
    assert [line["realised"] for line in told["accounts"]] == ["1", "-0.5"]
    assert told["totals"]["realised"] == "0.5"
    assert [one["symbol"] for one in told["symbols"]] == ["BTCUSDT"]


def test_a_ledger_reads_its_fills_once(django_assert_num_queries):
    one = planted.account()
    for _ in range(20):
        planted.fill(one, "BUY", "1", "100")
    with django_assert_num_queries(7):
        walked = ledger_selectors.account_ledger(one, until=NOW + 1)
    with django_assert_num_queries(4) as asked:
        again = ledger_selectors.account_ledger(one, until=NOW + 2)
    assert not any('"quantity"' in q["sql"] and "_fill" in q["sql"] for q in asked)
    assert again == walked
    assert walked.ledger.fees


def test_a_kept_walk_knows_every_new_fill_and_payment_and_what_is_held():
    one = planted.account()
    planted.fill(one, "BUY", "1", "100", at=NOW - 50)
    planted.fill(one, "SELL", "1", "103", at=NOW - 20)
    assert report(one)["totals"]["realised"] == "3"
    planted.fill(one, "BUY", "1", "101", at=NOW - 40)
    planted.fill(one, "SELL", "1", "102", at=NOW - 30)
    assert report(one)["totals"]["net"] == "4"
    planted.funding(one, "-0.5")
    assert report(one)["totals"]["net"] == "3.5"
    planted.position(one, "BTCUSDT", "2", "100")
    assert report(one)["accounts"][0]["basis"] == "exchange"
    early = report(one, period=Period(0, NOW - 25))
    assert early["totals"]["fills"] == 3


def test_the_newest_trades_are_told_and_the_curve_has_them_all():
    one = planted.account()
    for price in ("101", "103", "98"):
        planted.fill(one, "BUY", "1", "100")
        planted.fill(one, "SELL", "1", price)
    told = pnl_selectors.report([one], ALL, most=2)
    assert [trade["net"] for trade in told["trades"]] == ["-2", "3"]
    assert told["trades_total"] == 3
    assert [total for _, total in told["curve"]] == ["1", "4", "2"]


def test_a_curve_is_thinned_but_keeps_its_ends():
    points = [[number, "0"] for number in range(5_000)]
    left = thin(points)
    assert len(left) == 1_000
    assert (left[0], left[-1]) == (points[0], points[-1])
