"""Previews from rows and live state, on real Redis and database."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group

from accounts import plan_selectors
from accounts.intent_documents import PlaceOrder
from accounts.models import (
    AccountGroup,
    Balance,
    EquitySnapshot,
    ExchangeAccount,
    Order,
    Position,
    User,
)
from accounts.plan_selectors import order_preview, quote_of
from core import wire
from core.errors import InvalidInput
from market.models import Instrument
from risk import services as risk_services

VENUE = "simulator"
D = Decimal
ORDER = PlaceOrder("BTCUSDT", "BUY", Decimal(1))


def open_account(name, weight="1", free="1000", **changes):
    row = ExchangeAccount.objects.create(
        venue=VENUE, name=name, weight=Decimal(weight), created_at=0, **changes
    )
    Balance.objects.create(
        account=row,
        asset="USDT",
        wallet=Decimal(free),
        available=Decimal(free),
        updated_at=0,
    )
    return row


@pytest.fixture
def market(db, bus):
    Instrument.objects.create(
        venue=VENUE,
        symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        status="TRADING",
        tick_size="0.1",
        step_size="0.001",
        min_notional="5",
    )
    alice = User.objects.create(username="alice")
    alice.groups.add(Group.objects.get(name="trader"))
    User.objects.create(username="victor")
    now = plan_selectors.live.exchange_now(VENUE)
    tell(bus, b=99.9, a=100.1, t=now)


def tell(bus, **quote):
    bus.hset(f"quantai:state:{VENUE}:quotes", "BTCUSDT", wire.encode(quote))


def shares(preview):
    return {one.account: one.quantity for one in preview.distribution.shares}


def test_shares_follow_weights_margins_are_told_and_badges(market):
    open_account("a", "1.5")
    open_account("b", "1.0", mode="exchange")
    found = order_preview(venue=VENUE, order=ORDER, actor="alice")
    assert shares(found) == {"a": Decimal("0.6"), "b": Decimal("0.4")}
    assert found.price == 100
    assert found.quote_age_seconds < 5
    assert found.distribution.shares[0].margin == 3  # 60 at 20 times
    assert found.badges == {"a": "PAPER", "b": "SIMULATED"}


def test_who_has_no_role_sees_why_nothing_would_be_sent(market):
    open_account("a")
    found = order_preview(venue=VENUE, order=ORDER, actor="victor")
    assert shares(found) == {"a": Decimal(0)}
    assert [each.code for each in found.reasons["a"]] == ["no_role"]


def test_a_halt_stale_prices_and_a_disabled_account_are_told(market, bus):
    open_account("a", enabled=False)
    risk_services.state_set(venue=VENUE, state="HALTED", actor="alice")
    tell(bus, b=99.9, a=100.1, t=1)
    order = replace(ORDER, accounts=("a",))
    found = order_preview(venue=VENUE, order=order, actor="alice")
    codes = {each.code for each in found.reasons["a"]}
    assert codes == {"account_disabled", "halted", "stale_quote"}


def test_accounts_are_those_named_those_of_the_group_or_all_enabled(market):
    one = open_account("a")
    one.group = AccountGroup.objects.get(name="neutral")
    one.save()
    open_account("b")
    open_account("c", enabled=False)

    def names(**changes):
        order = replace(ORDER, **changes)
        return set(shares(order_preview(venue=VENUE, order=order, actor="alice")))

    assert names() == {"a", "b"}
    assert names(group="neutral") == {"a"}
    assert names(accounts=("b", "c")) == {"b", "c"}
    for wrong in ({"accounts": ("z",)}, {"group": "z"}, {"symbol": "ETHUSDT"}):
        with pytest.raises(InvalidInput):
            names(**wrong)


def test_what_positions_and_orders_bind_is_not_free(market):
    row = open_account("a", free="100")
    Position.objects.create(
        account=row,
        symbol="ETHUSDT",
        quantity=D(10),
        entry=D(100),
        leverage=20,
        updated_at=0,
    )
    Order.objects.create(
        account=row, client_id="q", symbol="BTCUSDT", side="BUY", order_type="LIMIT",
        quantity=D(2), price=D(100), state="new", created_at=0, updated_at=0,
    )  # fmt: skip
    found = order_preview(venue=VENUE, order=ORDER, actor="alice")
    # 100 - 1000 / 20 - 200 / 20 leave 40, less 100 / 20 for this one.
    assert found.distribution.shares[0].margin_after == 35


def test_a_reducing_order_takes_what_is_held(market):
    row = open_account("a")
    Position.objects.create(
        account=row, symbol="BTCUSDT", quantity=Decimal("0.25"), updated_at=0
    )
    order = PlaceOrder("BTCUSDT", "SELL", Decimal(1), reduce_only=True)
    found = order_preview(venue=VENUE, order=order, actor="alice")
    assert shares(found) == {"a": Decimal("0.25")}


@pytest.mark.parametrize(
    ("item", "price", "age"),
    [
        ({"t": 9_000, "b": 1.0, "a": 3.0, "s": [0, 0, 500]}, 2, 1.5),
        ({"t": 9_000, "m": 5.0, "s": [200, None, None]}, 5, 1.2),
        ({"t": 9_000, "p": 7.0}, 7, 1.0),
        ({"t": 11_000, "p": 7.0}, 7, 0),
        ({"t": 9_000}, None, None),
        ({"p": 7.0}, None, None),
    ],
)
def test_the_best_price_that_is_known_counts_with_its_own_age(item, price, age):
    found = quote_of(item, 10_000)
    assert (found.price, found.age_seconds) == (price, age)


def test_of_a_long_history_only_the_peak_is_read(django_assert_num_queries, db):
    """Texts would put 9 above 10; before a paper account's reset it had another life."""
    one, two = open_account("one"), open_account("two", paper_since=500)
    none = open_account("none")
    EquitySnapshot.objects.bulk_create(
        EquitySnapshot(
            account=row,
            at=at,
            wallet=Decimal(0),
            open_profit=Decimal(0),
            equity=Decimal(at if at != 700 else "9999.000000000000000001"),
        )
        for row in (one, two)
        for at in range(1_000)
    )
    EquitySnapshot.objects.filter(account=two, at=400).update(equity=Decimal(10**6))
    EquitySnapshot.objects.filter(account=one, at=7).update(
        equity=Decimal(10**7), asset="BNB"
    )
    peak = Decimal("9999.000000000000000001")
    with django_assert_num_queries(1) as asked:
        found = plan_selectors._peaks([one.id, two.id, none.id])
    assert found == {one.id: peak, two.id: peak}
    (sql,) = [query["sql"] for query in asked.captured_queries]
    assert "LIMIT 1" in sql
    with django_assert_num_queries(4):
        facts = plan_selectors.facts([one, two, none], "BTCUSDT", drawdowns=True)
    assert [fact.participant.drawdown > 0 for fact in facts] == [True, True, False]
