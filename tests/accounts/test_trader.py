"""Intents become orders on paper accounts: real database, Redis, journal and books."""

from dataclasses import replace
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async

from accounts import hearing
from accounts.intent_documents import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    ClosePosition,
    PaperReset,
    PlaceOrder,
    Reconcile,
    SetLeverage,
    SetMarginType,
    SetPositionMode,
)
from accounts.models import (
    AccountGroup,
    Balance,
    ExchangeAccount,
    Fill,
    Income,
    Order,
    ParentOrder,
    Position,
    Reconciliation,
)
from core import audit
from core.models import AuditEntry
from risk import services as risk_services
from tests.accounts.trading import VENUE, trading
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("database", "layer")
D = Decimal
BUY = PlaceOrder("BTCUSDT", "BUY", D(2))
REST = replace(BUY, order_type="LIMIT", price=D(90))


@pytest.fixture
async def rig(tmp_path):
    async with trading(tmp_path) as made:
        yield made


async def test_an_order_over_two_accounts_is_filled_recorded_and_answered(rig):
    state, answer = await rig.ask(BUY)
    assert state == "done", answer
    assert [(one.account, one.outcome, one.state) for one in answer.accounts] == [
        ("a", "done", "filled"),
        ("b", "done", "filled"),
    ]
    assert answer.parent_state == "done"
    assert {one.filled for one in answer.accounts} == {D(1)}
    assert answer.seconds < 1
    orders = await rig.rows(Order)
    assert [one.id for one in orders] == [one.order for one in answer.accounts]
    assert {one.parent_id for one in orders} == {answer.parent}
    assert len(await rig.rows(Fill)) == 2
    assert {one.quantity for one in await rig.rows(Position)} == {D(1)}
    parent = (await rig.rows(ParentOrder))[0]
    assert parent.plan["shares"][0]["quantity"] == "1"
    assert {one.placed.total() for each in rig.gateways.values() for one in each} == {1}


async def test_accounts_were_compared_before_they_opened(rig):
    found = await rig.rows(Reconciliation)
    assert {one.cause for one in found} == {"start"}
    assert {one.wallet for one in await rig.rows(Balance)} == {D(10_000)}


async def test_an_order_rests_is_amended_and_cancelled(rig):
    _, answer = await rig.ask(replace(REST, accounts=("a",)))
    (one,) = answer.accounts
    assert (one.state, answer.parent_state) == ("new", "working")
    state, amended = await rig.ask(AmendOrder(one.order, price=D(91)))
    assert state == "done", amended
    row = (await rig.rows(Order))[0]
    assert (row.price, row.quantity, row.state) == (D(91), D(2), "new")
    state, cancelled = await rig.ask(CancelOrder(one.order))
    assert (state, cancelled.accounts[0].state) == ("done", "canceled")
    state, again = await rig.ask(CancelOrder(one.order))
    assert (state, again.accounts[0].state) == ("refused", "canceled")
    assert (await rig.rows(ParentOrder))[0].state == "failed"


async def test_everything_is_cancelled_and_closed(rig):
    await rig.ask(BUY)
    await rig.ask(REST)
    await rig.ask(replace(REST, symbol="ETHUSDT"))
    state, answer = await rig.ask(CancelAll())
    assert state == "done"
    assert len(answer.accounts) == 4
    assert {one.state for one in await rig.rows(Order)} == {"filled", "canceled"}
    state, answer = await rig.ask(ClosePosition())
    assert state == "done", answer
    assert {one.state for one in answer.accounts} == {"filled"}
    assert {one.quantity for one in await rig.rows(Position)} == {D(0)}
    state, answer = await rig.ask(ClosePosition())
    assert (state, answer.message) == ("done", "nothing is held")


async def test_a_resting_order_is_filled_when_the_market_comes(rig):
    await rig.ask(replace(REST, accounts=("a",)))
    await rig.market.moves(80)
    # A paper order rests until a trade goes through it; the book alone fills nothing.
    state, _ = await rig.ask(Reconcile())
    assert state == "done"
    assert (await rig.rows(Order))[0].state in ("new", "filled")


async def test_the_gate_is_asked_and_says_why(rig):
    state, answer = await rig.ask(BUY, actor="victor")
    assert (state, answer.codes) == ("refused", ("no_role",))
    state, answer = await rig.ask(replace(BUY, quantity=D(2_000)))
    assert (state, answer.codes) == ("refused", ("max_notional",))
    await sync_to_async(risk_services.state_set)(
        venue=VENUE, state="HALTED", actor="alice"
    )
    state, answer = await rig.ask(BUY)
    assert (state, answer.codes) == ("refused", ("halted",))
    assert all(not one.placed for each in rig.gateways.values() for one in each)
    assert not await rig.rows(Order)


async def test_a_halt_still_lets_positions_be_closed(rig):
    await rig.ask(BUY)
    await sync_to_async(risk_services.state_set)(
        venue=VENUE, state="HALTED", actor="alice"
    )
    state, answer = await rig.ask(ClosePosition("BTCUSDT"))
    assert state == "done", answer


async def test_who_has_no_role_can_change_nothing(rig):
    for payload in (
        CancelAll(),
        SetLeverage("BTCUSDT", 5),
        SetPositionMode(hedge=True),
        Reconcile(),
        PaperReset(("a",)),
    ):
        state, answer = await rig.ask(payload, actor="victor")
        assert (state, answer.broken.code) == ("refused", "conflict")
        assert "no right to trade" in answer.message


async def test_leverage_margin_type_and_position_mode_are_set(rig):
    for payload in (
        SetLeverage("BTCUSDT", 7),
        SetMarginType("BTCUSDT", "isolated"),
        SetPositionMode(hedge=True, accounts=("a",)),
    ):
        state, answer = await rig.ask(payload)
        assert state == "done", answer
    rows = await rig.rows(Position)
    assert {(one.leverage, one.margin_type) for one in rows} == {(7, "isolated")}
    state, answer = await rig.ask(replace(BUY, accounts=("a",), position_side="LONG"))
    assert state == "done", answer
    held = await rig.rows(Position, account__name="a", side="LONG")
    assert [one.quantity for one in held] == [D(2)]


async def test_a_paper_account_begins_anew(rig):
    await rig.ask(BUY)
    state, answer = await rig.ask(PaperReset(("a",)))
    assert state == "done", answer
    held = {one.account_id: one.quantity for one in await rig.rows(Position)}
    assert sorted(held.values()) == [D(0), D(1)]
    balance = (await rig.rows(Balance, account__name="a"))[0]
    assert balance.wallet == 10_000


async def test_what_makes_no_sense_is_refused_in_words(rig):
    await AccountGroup.objects.acreate(name="empty")
    unknown, nobody = "NOSUCHUSDT", ("z",)
    for payload, field, value, words in (
        (replace(BUY, symbol=unknown), "symbol", unknown, "no contract"),
        (replace(BUY, accounts=nobody), "accounts", "z", "no account"),
        (replace(BUY, group="nowhere"), "group", "nowhere", "is no group"),
        (replace(BUY, group="empty"), "group", "empty", "no enabled account"),
        (replace(REST, price=D("90.05")), "price", "90.05", "multiple"),
        (CancelOrder(999), "order", 999, "no order"),
        (AmendOrder(999, price=D(1)), "order", 999, "no order"),
        (CancelAll(unknown), "symbol", unknown, "no contract"),
        (CancelAll(accounts=nobody), "accounts", "z", "no account"),
        (ClosePosition(unknown), "symbol", unknown, "no contract"),
        (ClosePosition(group="nowhere"), "group", "nowhere", "is no group"),
        (SetLeverage(unknown, 5), "symbol", unknown, "no contract"),
        (SetMarginType(unknown, "cross"), "symbol", unknown, "no contract"),
        (Reconcile(accounts=nobody), "accounts", "z", "no account"),
        (PaperReset(nobody), "accounts", "z", "no account"),
    ):
        state, answer = await rig.ask(payload)
        assert (state, answer.accounts) == ("refused", ()), payload
        assert answer.broken is not None, payload
        assert (answer.broken.field, answer.broken.value) == (field, value)
        assert answer.broken.code == "invalid_input"
        assert words in answer.broken.rule
        assert words in answer.message


async def test_a_group_is_traded_in_any_script(rig):
    group = await AccountGroup.objects.acreate(name="策略é")
    await ExchangeAccount.objects.filter(name="a").aupdate(group=group)
    state, answer = await rig.ask(replace(BUY, group="策略e\u0301"))
    assert (state, [one.account for one in answer.accounts]) == ("done", ["a"])
    state, answer = await rig.ask(ClosePosition(group="策略é"))
    assert (state, [one.account for one in answer.accounts]) == ("done", ["a"])


async def test_an_amendment_that_the_contract_forbids_names_its_field(rig):
    _, answer = await rig.ask(replace(REST, accounts=("a",)))
    order = answer.accounts[0].order
    state, answer = await rig.ask(AmendOrder(order, quantity=D("0.0005")))
    assert (state, answer.broken.field) == ("refused", "quantity")


async def test_an_order_of_an_account_that_is_shut_is_left_as_it_is(rig):
    _, answer = await rig.ask(replace(REST, accounts=("a",)))
    order, account = answer.accounts[0].order, (await rig.rows(Order))[0].account_id
    del rig.session.desks.open[account]
    for payload in (CancelOrder(order), AmendOrder(order, price=D(91))):
        state, answer = await rig.ask(payload)
        assert (state, answer.accounts[0].outcome) == ("failed", "not_sent")
        assert "not open" in answer.message


async def test_events_that_come_twice_change_nothing(rig):
    for each in rig.gateways.values():
        each[-1].double = True
    await rig.ask(BUY)
    await rig.ask(Reconcile())
    assert len(await rig.rows(Fill)) == 2
    assert len(await rig.rows(Order)) == 2
    newest = (await rig.rows(Reconciliation))[-1]
    assert newest.differences == []


async def test_what_nobody_heard_is_found_and_mended(rig, monkeypatch):
    monkeypatch.setattr(hearing, "HEAR_SECONDS", 3600)
    for each in rig.gateways.values():
        each[-1].mute = True
    _, answer = await rig.ask(replace(REST, accounts=("a",)))
    await rig.gateway("a").inner.cancel_all("BTCUSDT")
    await rig.ask(replace(BUY, accounts=("a",)))
    state, _ = await rig.ask(Reconcile(("a",)))
    assert state == "done"
    newest = (await rig.rows(Reconciliation, account__name="a"))[-1]
    kinds = {one["what"] for one in newest.differences}
    assert {"order", "position", "balance"} <= kinds
    assert (await rig.rows(Order, id=answer.accounts[0].order))[0].state == "canceled"
    assert (await rig.rows(Position))[0].quantity == 2
    assert [one.kind for one in await rig.rows(Income)]


async def test_one_key_is_one_order(rig):
    first = await rig.submit(BUY, idempotency_key="k")
    second = await rig.submit(BUY, idempotency_key="k")
    assert first.id == second.id
    await rig.ask(BUY, idempotency_key="k")
    assert len(await rig.rows(ParentOrder)) == 1


async def test_who_asked_for_what_stands_in_the_audit_trail(rig):
    await rig.ask(BUY)
    await rig.ask(BUY, actor="victor")

    async def entries():
        return await sync_to_async(
            lambda: list(AuditEntry.objects.filter(action="intent.place"))
        )()

    found = await eventually(entries, lambda rows: len(rows) == 2)
    assert {one.actor for one in found} == {"alice", "victor"}
    assert any('"state":"refused"' in one.after for one in found)
    assert not (await sync_to_async(audit.verify)()).findings
