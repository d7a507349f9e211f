"""REST of writes: who may, what the trader is asked, what is answered to whom."""

import asyncio
import contextlib
import threading
import time
import uuid
from decimal import Decimal

import pytest
from django.db import OperationalError, connections

from accounts import intents
from accounts.intent_documents import AccountResult, IntentResult, parse, refusal
from accounts.models import Intent, Order
from accounts.models.orders import IntentKind, IntentState
from core import bell
from core import redis as core_redis
from core.access import Role, Scope
from core.errors import Conflict, InvalidInput
from market.models import Instrument
from tests.accounts import planted
from tests.accounts.planted import VENUE
from tests.accounts.test_intents import show_life
from tests.market.test_api import bearer, browser, check_error

BASE = "/api/v1/accounts"
ORDER = {"symbol": "btcusdt", "side": "BUY", "quantity": "0.5", "wait": 5}
WRITES = {
    "/orders": ORDER,
    "/orders/preview": ORDER,
    "/orders/cancel_all": {},
    "/positions/close": {"symbol": "BTCUSDT"},
    "/leverage": {"symbol": "BTCUSDT", "leverage": 5},
    "/margin_type": {"symbol": "BTCUSDT", "margin_type": "isolated"},
    "/position_mode": {"hedge": True},
    "/reconcile": {},
    "/paper_reset": {"accounts": ["one"]},
}
D = Decimal
pytestmark = [pytest.mark.django_db]


class Answering:
    """Takes intents as the trader does, through the same functions, and ends them."""

    def __init__(self):
        self.state = IntentState.DONE
        self.result = IntentResult(message="well", seconds=0.01)
        self.seen = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        asyncio.run(show_life())
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _run(self):
        try:
            while not self._ended.wait(0.005):
                # The database in memory locks whole tables between threads.
                with contextlib.suppress(OperationalError):
                    self._take()
        finally:
            connections.close_all()

    def _take(self):
        for intent in intents.intents_waiting(venue=VENUE):
            if not intents.intent_take(intent=intent, trader="test"):
                continue
            self.seen.append(intent)
            while not self._end(intent):
                time.sleep(0.005)
            asyncio.run(rung(intents.bell_name(intent.id)))

    def _end(self, intent):
        with contextlib.suppress(OperationalError):
            return intents.intent_end(
                intent=intent, state=self.state, result=self.result
            )
        return False


async def rung(name):
    redis = core_redis.client()
    await bell.ring(redis, name)
    await redis.aclose()


@pytest.fixture
def trader(bus, transactional_db):
    with Answering() as answering:
        yield answering


@pytest.fixture
def may(db, bus):
    return bearer(Role.TRADER, Scope.TRADE)


def send(client, path, body=None, *, method="post", **headers):
    return getattr(client, method)(
        f"{BASE}{path}", body or {}, content_type="application/json", headers=headers
    )


def tradable():
    Instrument.objects.create(
        venue=VENUE, symbol="BTCUSDT", base="BTC", quote="USDT", status="TRADING",
        tick_size="0.1", step_size="0.001", min_notional="5", rank=1,
    )  # fmt: skip


def test_writing_needs_the_role_and_a_token_of_scope_trade(bus):
    allowed = bearer(Role.TRADER, Scope.TRADE)
    refused = [browser(Role.VIEWER), bearer(Role.RISK, Scope.READ)]
    for path, body in WRITES.items():
        assert [send(one, path, body).status_code for one in refused] == [403, 403]
        assert send(allowed, path, body).status_code not in (401, 403)
    for method in ("delete", "patch"):
        one, two = (send(each, "/orders/1", method=method) for each in refused)
        assert (one.status_code, two.status_code) == (403, 403)


def test_without_a_trader_an_order_is_refused_and_nothing_is_written(may):
    body = check_error(send(may, "/orders", ORDER), 503, "unavailable")
    assert "no trader is running" in body["message"]
    assert not Intent.objects.exists()


def test_an_order_becomes_an_intent_and_its_answer_comes_back(may, trader):
    answer = send(may, "/orders", {**ORDER, "quantity": 0.1, "accounts": ["one"]})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["state"], told["result"]["message"]) == ("done", "well")
    (intent,) = trader.seen
    order = parse(IntentKind.PLACE, intent.payload)
    assert (order.symbol, order.quantity, order.accounts) == (
        "BTCUSDT",
        D("0.1"),
        ("one",),
    )
    assert (intent.actor, intent.source) == ("a trader", "rest")


def test_the_order_that_came_of_it_stands_in_the_answer(may, trader):
    send(may, "/orders", ORDER)
    whole = planted.parent(intent=Intent.objects.get())
    planted.order(planted.account("one"), parent=whole)
    told = may.get(f"{BASE}/intents/{whole.intent_id}").json()
    assert [one["account"] for one in told["order"]["orders"]] == ["one"]


def test_the_same_key_and_body_give_the_first_answer(may, trader):
    key = {"Idempotency-Key": "k1"}
    first = send(may, "/orders", ORDER, **key)
    trader.result = IntentResult(message="another")
    again = send(may, "/orders", {**ORDER, "wait": 1}, **key)
    assert first.json() == again.json()
    assert Intent.objects.count() == 1


def test_the_same_key_and_another_body_is_a_conflict(may, trader):
    key = {"Idempotency-Key": "k1"}
    send(may, "/orders", ORDER, **key)
    answer = send(may, "/orders", {**ORDER, "quantity": "0.6"}, **key)
    body = check_error(answer, 409, "conflict")
    assert body["details"][0]["field"] == "idempotency_key"
    assert len(trader.seen) == 1


def test_what_is_still_under_way_is_told_so_and_can_be_asked_for(may, bus):
    asyncio.run(show_life())
    answer = send(may, "/orders", {**ORDER, "wait": 0})
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    told = may.get(f"{BASE}/intents/{answer.json()['intent']}").json()
    assert told["state"] == "waiting"


def test_a_refusal_names_each_account_and_code(may, trader):
    trader.state = IntentState.REFUSED
    trader.result = IntentResult(
        message="trading is halted",
        codes=("halted",),
        accounts=(AccountResult("one", "refused", "halted", codes=("halted",)),),
    )
    body = check_error(send(may, "/orders", ORDER), 409, "refused")
    assert body["message"] == "trading is halted"
    assert (body["details"][0]["account"], body["details"][0]["codes"]) == (
        "one",
        ["halted"],
    )


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInput("accounts", "z", "is no account"), 422, "invalid_input"),
        (Conflict("actor", "victor", "has no right to trade"), 409, "conflict"),
    ],
)
def test_a_refusal_because_of_one_field_names_it(may, trader, error, status, code):
    trader.state, trader.result = IntentState.REFUSED, refusal(error)
    body = check_error(send(may, "/orders", ORDER), status, code)
    intent = str(Intent.objects.get().id)
    assert body["details"] == [{**error.told(), "intent": intent}]
    assert body["message"] == str(error)


def test_a_preview_names_what_there_is_not(may, bus):
    tradable()
    planted.account("one")
    for changed, field in (
        ({"symbol": "NOSUCH"}, "symbol"),
        ({"accounts": ["z"]}, "accounts"),
        ({"group": "nowhere"}, "group"),
    ):
        answer = send(may, "/orders/preview", ORDER | changed)
        (detail,) = check_error(answer, 422, "invalid_input")["details"]
        value = changed[field] if isinstance(changed[field], str) else "z"
        assert (detail["field"], detail["value"]) == (field, value)


@pytest.mark.parametrize(
    "changed",
    [
        {"quantity": "9" * 5_000}, {"quantity": int("9" * 4_000)}, {"quantity": 1e300},
        {"quantity": "1E+999999"}, {"side": "B" * 5_000}, {"symbol": "B" * 5_000},
        {"accounts": ["a" * 5_000] * 2}, {"group": "g" * 5_000, "accounts": ["a"]},
        {"x" * 5_000: 1}, {"type": "t" * 5_000}, {"wait": 10**400},
    ],
)  # fmt: skip
def test_what_is_wrong_and_long_is_not_repeated_whole(may, changed):
    answer = send(may, "/orders/preview", ORDER | changed)
    check_error(answer, 422, "invalid_input")
    assert len(answer.content) < 1_500


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"quantity": "0"}, "quantity"), ({"quantity": "NaN"}, "wish.quantity"),
        ({"side": "UP"}, "side"), ({"price": "5"}, "price"), ({"type": "LIMIT"}, "price"),
        ({"accounts": ["a", "a"]}, "accounts"), ({"colour": "red"}, "wish.colour"),
        ({"wait": 99}, "wish.wait"), ({"strategy": "luck"}, "strategy"),
    ],
)  # fmt: skip
def test_a_wrong_wish_names_its_field(may, changed, field):
    body = check_error(send(may, "/orders", ORDER | changed), 422, "invalid_input")
    assert body["details"][0]["field"] == field


def test_one_order_is_cancelled_and_amended_by_its_number(may, trader):
    row = planted.order(planted.account())
    assert send(may, f"/orders/{row.id}", method="delete").status_code == 200
    answer = send(may, f"/orders/{row.id}", {"price": "99.5"}, method="patch")
    assert answer.status_code == 200
    cancel, amend = (parse(IntentKind(one.kind), one.payload) for one in trader.seen)
    assert cancel.order == amend.order == row.id
    assert (amend.price, amend.quantity) == (D("99.5"), 0)


def test_what_has_ended_or_was_never_there_is_not_asked_for(may, trader):
    row = planted.order(planted.account(), state="filled")
    check_error(send(may, f"/orders/{row.id}", method="delete"), 409, "conflict")
    check_error(send(may, "/orders/999", method="delete"), 404, "not_found")
    other = planted.order(planted.account(venue="testnet"))
    check_error(send(may, f"/orders/{other.id}", method="delete"), 404, "not_found")
    far = send(may, "/orders/99999999999999999999999", method="delete")
    check_error(far, 404, "not_found")
    assert trader.seen == []


def test_a_cancel_asked_for_again_with_its_key_has_the_first_answer(may, trader):
    row = planted.order(planted.account())
    key = {"Idempotency-Key": "k1"}
    first = send(may, f"/orders/{row.id}", method="delete", **key)
    Order.objects.filter(id=row.id).update(state="canceled")
    again = send(may, f"/orders/{row.id}", method="delete", **key)
    assert (again.status_code, again.json()) == (200, first.json())
    change = {"price": "99.5"}
    answer = send(may, f"/orders/{row.id}", change, method="patch", **key)
    body = check_error(answer, 409, "conflict")
    assert body["details"][0]["field"] == "idempotency_key"
    assert len(trader.seen) == 1


def test_everything_else_is_asked_of_the_trader_too(may, trader):
    for path, body in WRITES.items():
        if not path.startswith("/orders"):
            assert send(may, path, body).status_code == 200, path
    assert [intent.kind for intent in trader.seen] == [
        "close", "leverage", "margin_type", "position_mode", "reconcile", "paper_reset",
    ]  # fmt: skip


def test_a_preview_tells_shares_and_who_is_left_out_and_sends_nothing(may, bus):
    tradable()
    one, two = (
        planted.account("one", weight=D("1.5")),
        planted.account("two"),
    )
    planted.balance(one, "1000")
    planted.balance(two, "1000")
    planted.account("empty")
    planted.quotes(bus, BTCUSDT=(100.0, 100.0, 99.9, 100.1))
    told = send(may, "/orders/preview", {**ORDER, "quantity": "1"}).json()
    shares = {share["account"]: share for share in told["shares"]}
    assert (shares["one"]["quantity"], shares["two"]["quantity"]) == ("0.6", "0.4")
    assert shares["one"]["badge"] == "SIMULATED"
    assert shares["one"]["margin"] == "3"
    assert "no free margin" in shares["empty"]["reason"]
    assert (told["placed"], told["left"], told["allowed"]) == ("1", "0", True)
    assert not Intent.objects.exists()


def test_a_session_asks_as_a_page(trader):
    send(browser(Role.TRADER), "/orders/cancel_all")
    assert trader.seen[0].source == "page"


def test_an_intent_that_is_not_there(may):
    check_error(may.get(f"{BASE}/intents/{uuid.uuid4()}"), 404, "not_found")
