"""What browsers hear of orders, fills and positions, over the real Redis."""

import json

import pytest
from django.db import transaction

from accounts import live
from core.push import CHANNEL, parse
from tests.accounts import planted

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def heard(bus):
    """``heard()`` gives the items that were published since."""
    listening = bus.pubsub()
    listening.subscribe(CHANNEL)
    assert listening.get_message(timeout=5)["type"] == "subscribe"

    def items():
        found = []
        while message := listening.get_message(timeout=0.2):
            push = parse(message["data"])
            found += [(push.topic, json.loads(body)) for _, body in push.items]
        return found

    yield items
    listening.close()


def test_an_order_is_told_after_its_commit_and_not_before(heard):
    row = planted.order(planted.account(mode="paper"))
    with transaction.atomic():
        live.orders_changed([row])
        assert heard() == []
    ((topic, told),) = heard()
    assert (topic, told["account"], told["badge"]) == ("orders", "one", "PAPER")
    assert (told["quantity"], told["state"], told["final"]) == ("0.5", "new", False)
    assert told["exchange_id"] == str(row.exchange_id)


def test_fills_and_positions_are_told_with_money_as_text(heard):
    one = planted.account()
    live.fills_added([planted.fill(one, "BUY", "0.1", "100.50")])
    live.positions_changed([planted.position(one, "BTCUSDT", "0.1", "100.5")])
    (_, fill), (_, position) = heard()
    assert (fill["price"], fill["notional"], fill["fee"]) == ("100.5", "10.05", "0")
    assert (position["account"], position["quantity"]) == ("one", "0.1")


def test_a_thousand_orders_go_in_parts_that_a_browser_can_keep(heard):
    row = planted.order(planted.account())
    live.orders_changed([row] * 450)
    assert len(heard()) == 450
