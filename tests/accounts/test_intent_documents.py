"""Documents of intents: what is accepted, what is refused, and that nothing changes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.intent_documents import (
    KINDS,
    PAYLOADS,
    AccountResult,
    IntentResult,
    PlaceOrder,
    document,
    parse,
    parse_result,
)
from accounts.models.orders import IntentKind
from core import wire
from core.errors import InvalidInput

MARKET = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "1"}
numbers = st.decimals("0.001", "100000", places=3)


def test_every_kind_has_a_document_and_every_document_a_kind():
    assert set(PAYLOADS) == set(IntentKind)
    assert set(KINDS.values()) == set(IntentKind)


@given(quantity=numbers, price=numbers, policy=st.sampled_from(["continue", "unwind"]))
def test_what_is_stored_is_read_back_to_the_last_digit(quantity, price, policy):
    order = PlaceOrder(
        "BTCUSDT",
        "SELL",
        quantity,
        order_type="LIMIT",
        price=price,
        accounts=("a", "b"),
        policy=policy,
    )
    assert parse(IntentKind.PLACE, wire.decode(wire.encode(document(order)))) == order


@given(filled=numbers, seconds=st.floats(0, 10))
def test_answers_are_read_back(filled, seconds):
    answer = IntentResult(
        seconds=seconds, accounts=(AccountResult("a", "done", filled=filled),)
    )
    assert parse_result(wire.decode(wire.encode(document(answer)))) == answer
    assert parse_result({}) == IntentResult()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"side": "HOLD"}, "side"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": "1E+15"}, "quantity"),
        ({"quantity": "1E+999999"}, "quantity"),
        ({"quantity": "0." + "1" * 29}, "quantity"),
        ({"quantity": "1E-29"}, "quantity"),
        ({"order_type": "LIMIT", "price": "1E+400"}, "price"),
        ({"quantity": None}, "quantity"),
        ({"symbol": "btc usdt"}, "symbol"),
        ({"price": "10"}, "price"),
        ({"order_type": "LIMIT"}, "price"),
        ({"order_type": "STOP_MARKET"}, "stop_price"),
        ({"stop_price": "5"}, "stop_price"),
        ({"order_type": "TRAILING_STOP_MARKET"}, "callback_rate"),
        ({"time_in_force": "GTC"}, "time_in_force"),
        ({"accounts": ["a", "a"]}, "accounts"),
        ({"accounts": ["a"], "group": "neutral"}, "group"),
        ({"accounts": ["a", 1]}, "accounts"),
        ({"accounts": ["a", "b\x00"]}, "accounts"),
        ({"accounts": ["\ud800"]}, "accounts"),
        ({"accounts": ["a" * 161]}, "accounts"),
        ({"group": "a\nb"}, "group"),
        ({"group": "策" * 161}, "group"),
        ({"strategy": "random"}, "strategy"),
        ({"policy": "hope"}, "policy"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_order_is_refused_by_the_field_that_is_wrong(changes, field):
    with pytest.raises(InvalidInput) as refused:
        parse(IntentKind.PLACE, MARKET | changes)
    assert refused.value.field == field


def test_a_field_that_is_missing_is_named():
    with pytest.raises(InvalidInput, match="must be given") as refused:
        parse(IntentKind.PLACE, {"symbol": "BTCUSDT", "side": "BUY"})
    assert refused.value.field == "quantity"


@pytest.mark.parametrize(
    ("kind", "payload", "field"),
    [
        (IntentKind.AMEND, {"order": 1}, "quantity"),
        (IntentKind.AMEND, {"order": "x", "price": "1"}, "order"),
        (IntentKind.LEVERAGE, {"symbol": "BTCUSDT", "leverage": 126}, "leverage"),
        (
            IntentKind.MARGIN_TYPE,
            {"symbol": "BTCUSDT", "margin_type": "x"},
            "margin_type",
        ),
        (IntentKind.PAPER_RESET, {"accounts": []}, "accounts"),
        (IntentKind.CANCEL_ALL, {"symbol": "a b"}, "symbol"),
        (IntentKind.CLOSE, {"position_side": "UP"}, "position_side"),
    ],
)
def test_other_documents_are_checked_too(kind, payload, field):
    with pytest.raises(InvalidInput) as refused:
        parse(kind, payload)
    assert refused.value.field == field


def test_nothing_given_means_everything():
    for kind in (IntentKind.CANCEL_ALL, IntentKind.CLOSE, IntentKind.RECONCILE):
        assert parse(kind, {}) == PAYLOADS[kind]()


def test_money_is_text_in_the_document():
    stored = document(PlaceOrder("BTCUSDT", "BUY", Decimal("1.50")))
    assert stored["quantity"] == "1.50"
