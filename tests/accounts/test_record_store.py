"""Records become rows; reading them again, in any order, changes nothing."""

import random
import uuid
from dataclasses import replace
from decimal import Decimal

import pytest

from accounts.domain.client_ids import client_id
from accounts.domain.exchange import (
    BalanceNews,
    ConfigNews,
    FillNews,
    IncomeNews,
    NewOrder,
    OrderNews,
    OrderRef,
    Outcome,
    PositionNews,
)
from accounts.journal_records import (
    Compared,
    OrderAnswered,
    OrderBegun,
    OrderNeverSent,
    ParentBegun,
    ParentEnded,
    Record,
    Wiped,
)
from accounts.models import (
    Balance,
    Fill,
    Income,
    Intent,
    Order,
    ParentOrder,
    Position,
    Reconciliation,
)
from accounts.record_store import store
from core import wire
from tests.accounts import planted

pytestmark = pytest.mark.django_db
D = Decimal
INTENT = uuid.UUID(int=7)


@pytest.fixture
def one(bus):
    Intent.objects.create(
        id=INTENT, venue="simulator", kind="place", actor="a", created_at=1, deadline=2
    )
    return planted.account("one", mode="paper")


def life(account, number=0, exchange_id=55):
    """Every record of one distributed order that was filled."""
    name = client_id(INTENT, account.id, number)
    order = NewOrder(name, "BTCUSDT", "BUY", "MARKET", D(2))
    news = OrderNews(
        ref=OrderRef("BTCUSDT", name, exchange_id),
        status="new",
        side="BUY",
        order_type="MARKET",
        quantity=D(2),
        filled=D(0),
        average_price=D(0),
        at=1_000,
    )
    filled = replace(
        news, status="filled", filled=D(2), average_price=D("100.5"), at=1_001
    )
    fill = FillNews(
        "BTCUSDT", 9, exchange_id, "BUY", D(2), D("100.5"), 1_001, fee=D("0.08")
    )
    parent = ParentBegun(
        str(INTENT),
        "simulator",
        "BTCUSDT",
        "BUY",
        "MARKET",
        D(2),
        "equal",
        "continue",
        5,
    )
    bodies = [
        parent,
        OrderBegun(order, 10, str(INTENT)),
        OrderAnswered(name, Outcome("done", news), 11, 12),
        fill,
        filled,
        PositionNews("BTCUSDT", "BOTH", D(2), D("100.5"), 1_001),
        BalanceNews("USDT", D("9999.92"), 1_001),
        IncomeNews("COMMISSION", "1", "USDT", D("-0.08"), 1_001, "BTCUSDT"),
    ]
    return [Record(account.id, body) for body in bodies]


def rows():
    """Everything that is stored, without what differs by when it was."""
    skipped = {"id", "updated_at", "order_id", "parent_id", "order", "parent"}
    found = []
    for model in (Order, Fill, Position, Balance, Income, ParentOrder, Reconciliation):
        found += [
            (model.__name__, {k: v for k, v in row.items() if k not in skipped})
            for row in model.objects.order_by("pk").values()
        ]
    return found


def test_a_life_becomes_rows_that_know_each_other(one):
    store(life(one))
    order = Order.objects.get()
    assert (order.state, order.filled, order.average_price) == ("filled", 2, D("100.5"))
    assert (order.sent_at, order.acknowledged_at, order.exchange_id) == (11, 1_000, 55)
    assert order.parent.state == "done"
    assert order.parent.intent_id == INTENT
    assert order.fills.get().fee == D("0.08")
    assert Position.objects.get().quantity == 2
    assert Balance.objects.get().wallet == D("9999.92")
    assert Income.objects.get().amount == D("-0.08")


def test_a_mistake_in_what_browsers_are_told_refuses_no_record(
    one, monkeypatch, caplog
):
    monkeypatch.setattr("accounts.live.fills_added", lambda rows: rows.nothing)
    store(life(one))
    assert Fill.objects.exists()
    assert "browsers are not told" in caplog.text


def test_reading_again_whole_or_in_part_doubles_nothing(one):
    records = life(one)
    store(records)
    before = rows()
    store(records)
    for at in range(len(records)):
        store(records[at:])
        store(records[: at + 1])
        store([records[at]])
    assert rows() == before


@pytest.mark.parametrize("seed", range(8))
def test_news_in_any_order_leads_to_the_same_rows(one, seed):
    records = life(one)
    store(records)
    before = rows()
    for model in (Fill, Order, ParentOrder, Position, Balance, Income):
        model.objects.all().delete()
    begun, rest = records[:2], records[2:]
    store(begun)
    shuffled = rest + rest
    random.Random(seed).shuffle(shuffled)
    for record in shuffled:
        store([record])
    # The clock of the answer is ours; whichever came first is kept.
    drop = {"acknowledged_at", "sent_at"}

    def bare(found):
        return [(n, {k: v for k, v in r.items() if k not in drop}) for n, r in found]

    assert bare(rows()) == bare(before)


def test_a_record_survives_the_journal_s_json(one):
    for record in [
        *life(one),
        Record(one.id, Compared(3, "start", 0.5, ({"what": "x"},))),
        Record(one.id, ParentEnded(str(INTENT), "unwound", 9)),
        Record(one.id, OrderNeverSent("q", "no", 9)),
        Record(one.id, ConfigNews(5, "BTCUSDT", leverage=7)),
    ]:
        assert Record.of(wire.decode(wire.encode(record.document()))) == record


def test_orders_of_others_become_rows_and_reused_ids_stay_apart(one):
    news = life(one)[4].body
    theirs = replace(news, ref=OrderRef("BTCUSDT", "web_1", 70))
    store([Record(one.id, theirs)])
    store([Record(one.id, replace(theirs, ref=OrderRef("BTCUSDT", "web_1", 71)))])
    found = Order.objects.order_by("exchange_id")
    assert [(row.client_id, row.exchange_id) for row in found] == [
        ("web_1", 70),
        ("web_1#71", 71),
    ]
    assert all(row.external for row in found)


def test_an_order_that_is_ours_is_not_external_even_when_told_first(one):
    records = life(one)
    store([records[4]])
    row = Order.objects.get()
    assert (row.external, row.reason) == (False, "found on the exchange")
    store(records[:2])
    row = Order.objects.get()
    assert (row.state, row.reason, row.parent.state) == ("filled", "", "done")


def test_a_fill_before_its_order_finds_it_later(one):
    records = life(one)
    store([records[3]])
    assert Fill.objects.get().order is None
    store([records[4]])
    assert Fill.objects.get().order == Order.objects.get()


def test_what_was_never_sent_ends_the_parent_too(one):
    records = life(one)
    store(records[:2])
    name = records[1].body.order.client_id
    store([Record(one.id, OrderNeverSent(name, "nobody knows it", 20))])
    assert Order.objects.get().state == "never_sent"
    assert ParentOrder.objects.get().state == "failed"


def test_an_unwound_parent_stays_so(one):
    records = life(one)
    store([*records, Record(one.id, ParentEnded(str(INTENT), "unwound", 30))])
    store(records)
    assert ParentOrder.objects.get().state == "unwound"


def test_older_holdings_change_nothing(one):
    store(life(one))
    old = [
        PositionNews("BTCUSDT", "BOTH", D(1), D(90), 500),
        BalanceNews("USDT", D(1), 500),
    ]
    store([Record(one.id, body) for body in old])
    assert Position.objects.get().quantity == 2
    assert Balance.objects.get().wallet == D("9999.92")


def test_leverage_margin_type_and_mode_are_kept(one):
    store(
        [Record(one.id, ConfigNews(1, "ETHUSDT", leverage=7, margin_type="isolated"))]
    )
    row = Position.objects.get()
    assert (row.side, row.leverage, row.margin_type) == ("BOTH", 7, "isolated")
    store([Record(one.id, ConfigNews(2, hedge=True))])
    one.refresh_from_db()
    assert one.position_mode == "hedge"
    store([Record(one.id, ConfigNews(3, "BNBUSDT", leverage=3))])
    sides = Position.objects.filter(symbol="BNBUSDT").values_list("side", flat=True)
    assert sorted(sides) == ["LONG", "SHORT"]


def test_a_paper_account_begins_anew_once(one):
    resting = replace(life(one)[2].body.outcome.news, status="new")
    store(
        [*life(one), Record(one.id, replace(resting, ref=OrderRef("BTCUSDT", "z", 80)))]
    )
    wiped = Record(one.id, Wiped(2_000, D(500)))
    store([wiped])
    assert Position.objects.get().quantity == 0
    assert Balance.objects.get().wallet == 500
    assert Order.objects.get(client_id="z").state == "canceled"
    assert Fill.objects.count() == 1
    later = BalanceNews("USDT", D(400), 3_000)
    store([Record(one.id, later)])
    store([wiped])
    assert Balance.objects.get().wallet == 400


def test_a_record_of_an_account_that_is_gone_stops_nobody(one):
    lost = [replace(record, account=999) for record in life(one)]
    store([*lost, *life(one)])
    assert Order.objects.count() == 1


def test_browsers_are_told_after_the_commit(
    one, bus, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as callbacks:
        store(life(one))
    assert len(callbacks) == 3
