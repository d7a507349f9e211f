"""What accounts are worth, kept, thinned, and what performance is made of it."""

from decimal import Decimal

import pytest

from accounts import equity_selectors, performance_selectors, tasks
from accounts.equity_services import equity_prune, equity_snapshot
from accounts.models import EquitySnapshot, ExchangeAccount
from accounts.pnl_selectors import Period
from tests.accounts import planted
from tests.accounts.planted import DAY, NOW, VENUE

D = Decimal
MINUTES = 300_000
pytestmark = [pytest.mark.django_db]


def kept(account, *values, start=0, step=DAY):
    EquitySnapshot.objects.bulk_create(
        EquitySnapshot(
            account=account,
            at=start + number * step,
            wallet=D(value),
            open_profit=D(0),
            equity=D(value),
        )
        for number, value in enumerate(values)
    )


def snapshot(at=NOW):
    return equity_snapshot(venue=VENUE, at_ms=at, interval_ms=MINUTES)


def test_what_an_account_is_worth_is_wallet_and_open_profit(bus):
    one = planted.account()
    planted.balance(one, "1000.5")
    planted.balance(one, "0.25", "BNB")
    planted.position(one, "BTCUSDT", "2", "100.1")
    planted.quotes(bus, BTCUSDT=(101.0, 1, 1, 1))
    assert snapshot() == 1
    row = EquitySnapshot.objects.get()
    assert (row.wallet, row.open_profit, row.equity) == (
        D("1000.5"),
        D("1.8"),
        D("1002.3"),
    )
    assert row.at == NOW - NOW % MINUTES


def test_a_task_that_comes_twice_writes_once(bus):
    planted.balance(planted.account(), "5")
    assert snapshot() == snapshot(NOW - NOW % MINUTES + 1) == 1
    assert EquitySnapshot.objects.count() == 1


def test_nobody_guesses_what_an_account_is_worth(bus):
    planted.account("no balance yet")
    blind = planted.account("no price")
    planted.balance(blind, "5")
    planted.position(blind, "BTCUSDT", "1", "100")
    planted.quotes(bus, BTCUSDT={"m": 1.0, "s": [60_000, None, None]})
    assert snapshot() == 0
    assert not EquitySnapshot.objects.exists()


def test_old_values_are_thinned_to_the_last_of_each_day():
    one = planted.account()
    kept(one, *range(1, 10), step=DAY // 4)
    assert equity_prune(venue=VENUE, before_ms=2 * DAY) == 6
    assert list(EquitySnapshot.objects.values_list("at", flat=True)) == [
        3 * DAY // 4,
        7 * DAY // 4,
        2 * DAY,
    ]
    assert equity_prune(venue=VENUE, before_ms=2 * DAY) == 0


def test_the_tasks_do_it_for_the_venue_of_this_installation(bus):
    planted.balance(planted.account(), "5")
    planted.balance(planted.account(venue="testnet"), "5")
    tasks.equity_snapshot()
    tasks.equity_prune()
    assert EquitySnapshot.objects.get().account.venue == VENUE


def report(*names, **period):
    rows = ExchangeAccount.objects.select_related("group").order_by("name")
    if names:
        rows = rows.filter(name__in=names)
    return performance_selectors.report(
        rows, Period(**{"since": 0, "until": 400 * DAY, **period})
    )


def test_performance_per_account_group_and_in_all():
    one = planted.account("one", group="aggressive")
    two = planted.account("two", group="neutral")
    kept(one, 100, 110, 99)
    kept(two, 100, 100, 101)
    told = report()
    assert told["total_accounts"] == 2
    assert told["account_groups"] == {"aggressive": 1, "neutral": 1}
    assert told["accounts"][0]["total_return"] == pytest.approx(-0.01)
    assert told["accounts"][0]["max_drawdown"] == pytest.approx(0.1)
    assert told["groups"][1]["total_return"] == pytest.approx(0.01)
    assert told["total"]["equity"] == "200"
    assert told["total"]["total_return"] == pytest.approx(0.0)
    assert [point[:2] for point in told["total"]["curve"]] == [
        [0, "200"],
        [DAY, "210"],
        [2 * DAY, "200"],
    ]


def test_money_that_was_paid_in_is_no_profit():
    one = planted.account()
    kept(one, 100, 200, 202)
    planted.funding(one, "100", kind="TRANSFER", at=DAY - 5)
    assert report()["total"]["total_return"] == pytest.approx(0.01)


def test_a_paper_account_that_was_reset_begins_anew():
    one = planted.account(mode="paper", paper_since=DAY)
    kept(one, 100, 1000, 1010)
    assert report()["total"]["total_return"] == pytest.approx(0.01)


def test_trades_are_judged_after_fees():
    one = planted.account()
    for at, price, fee in ((1, "101", "0.4"), (10, "100.5", "0.6"), (20, "103", "0")):
        planted.fill(one, "BUY", "1", "100", at=at, fee=D(fee))
        planted.fill(one, "SELL", "1", price, at=at + 1)
    told = report(until=100)["total"]
    assert (told["trades"], told["net_profit"]) == (3, "3.5")
    assert told["win_rate"] == pytest.approx(2 / 3)
    assert told["profit_factor"] == pytest.approx(36)


def test_a_long_period_is_looked_at_in_larger_steps():
    one = planted.account()
    kept(one, *range(100, 100 + 24 * 61), step=DAY // 24)
    told = report()
    assert told["resolution_seconds"] == 86_400
    assert len(told["total"]["curve"]) == 61
    hourly = equity_selectors.curves([one], since=0, until=3 * DAY)["one"]
    assert len(hourly) == 72
