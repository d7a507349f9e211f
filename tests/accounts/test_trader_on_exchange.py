"""The trader against the simulated exchange: signed requests, user streams, faults."""

from dataclasses import replace
from decimal import Decimal

import pytest

from accounts.domain.exchange import NewOrder
from accounts.intent_documents import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    ClosePosition,
    PlaceOrder,
    Reconcile,
    SetLeverage,
    SetMarginType,
    SetPositionMode,
)
from accounts.models import Balance, Fill, Order, Position, Reconciliation
from tests.accounts.on_exchange import trading_on
from tests.market.conftest import market, simulator
from tests.waiting import eventually, until

__all__ = ["market", "simulator"]
pytestmark = pytest.mark.usefixtures("database", "layer", "market")
D = Decimal
BUY = PlaceOrder("BTCUSDT", "BUY", D("0.02"))
ONE = replace(BUY, accounts=("a",))
PLACE = "/fapi/v1/order"


@pytest.fixture
async def rig(simulator, settings, tmp_path):
    async with trading_on(simulator, settings, tmp_path / "var") as made:
        yield made


def resting(rig, **more):
    price = (rig.price() * D("0.97")).quantize(D("0.1"))
    return replace(BUY, order_type="LIMIT", price=price, **more)


async def agrees(rig, name="a"):
    """Whether our rows are the exchange's truth."""
    rows = await rig.rows(Order, account__name=name)
    theirs = {one.client_id: one for one in rig.orders(name)}
    ours = {one.client_id: one for one in rows if not one.algo}
    assert ours.keys() == theirs.keys()
    for key, one in theirs.items():
        assert (ours[key].state, ours[key].filled) == (one.status.lower(), one.filled)
    fills = await rig.rows(Fill, account__name=name)
    assert sum(one.quantity for one in fills) == sum(
        one.filled for one in theirs.values()
    )
    assert len({one.trade_id for one in fills}) == len(fills)
    held = await rig.rows(Position, account__name=name, symbol="BTCUSDT")
    assert sum((one.quantity for one in held), D(0)) == rig.held(name)
    wallet = (await rig.rows(Balance, account__name=name, asset="USDT"))[0].wallet
    assert wallet == rig.truth[name].wallet


async def agreed(rig, name="a", seconds=10):
    async def ask():
        try:
            await agrees(rig, name)
        except AssertionError:
            return False
        return True

    try:
        await eventually(ask, bool, seconds)
    except TimeoutError:
        await agrees(rig, name)
        raise


class TestWholeWay:
    async def test_an_order_over_accounts_agrees_with_the_exchange_to_the_last_digit(
        self, rig
    ):
        state, answer = await rig.ask(BUY)
        assert state == "done", answer
        assert {one.state for one in answer.accounts} == {"filled"}
        for name in ("a", "b"):
            await agreed(rig, name)
        state, answer = await rig.ask(ClosePosition("BTCUSDT"))
        assert state == "done", answer
        for name in ("a", "b"):
            await agreed(rig, name)
            assert rig.held(name) == 0

    async def test_resting_amended_cancelled_one_and_all(self, rig):
        _, answer = await rig.ask(resting(rig, accounts=("a",)))
        order = answer.accounts[0].order
        price = (rig.price() * D("0.96")).quantize(D("0.1"))
        state, answer = await rig.ask(AmendOrder(order, price=price))
        assert state == "done", answer
        assert [one.price for one in rig.orders("a")] == [price]
        state, answer = await rig.ask(CancelOrder(order))
        assert (state, answer.accounts[0].state) == ("done", "canceled")
        await rig.ask(resting(rig))
        state, answer = await rig.ask(CancelAll("BTCUSDT"))
        assert state == "done", answer
        for name in ("a", "b"):
            await agreed(rig, name)

    async def test_settings_of_accounts_reach_the_exchange(self, rig):
        for payload in (
            SetLeverage("BTCUSDT", 7),
            SetMarginType("BTCUSDT", "isolated"),
            SetPositionMode(hedge=True),
        ):
            state, answer = await rig.ask(payload)
            assert state == "done", answer
        state, answer = await rig.ask(replace(BUY, position_side="LONG"))
        assert state == "done", answer
        held = await rig.rows(Position, account__name="a", side="LONG")
        assert (held[0].leverage, held[0].quantity) == (7, D("0.01"))
        state, answer = await rig.ask(ClosePosition())
        assert state == "done", answer
        assert rig.held("a") == 0

    async def test_what_the_exchange_refuses_is_told_with_its_number(self, rig):
        state, answer = await rig.ask(
            replace(BUY, side="SELL", reduce_only=True, accounts=("a",))
        )
        assert state == "refused"
        order = replace(resting(rig), time_in_force="GTX", price=D("200000"))
        state, answer = await rig.ask(replace(order, accounts=("a",)))
        assert (state, answer.accounts[0].state) == ("refused", "rejected")
        assert answer.accounts[0].error_code is not None

    async def test_a_stop_is_held_and_cancelled(self, rig):
        stop = (rig.price() * D("0.9")).quantize(D("0.1"))
        order = replace(ONE, side="SELL", order_type="STOP_MARKET", stop_price=stop)
        state, answer = await rig.ask(order)
        assert (state, answer.accounts[0].state) == ("done", "held"), answer
        state, answer = await rig.ask(CancelOrder(answer.accounts[0].order))
        assert (state, answer.accounts[0].state) == ("done", "canceled"), answer


class TestUnknownOutcome:
    @pytest.mark.parametrize("answer", ["executed_unknown", "executed_lost"])
    async def test_one_order_on_the_exchange_unknown_then_filled_never_sent_again(
        self, rig, answer, caplog
    ):
        """-1007, or no answer at all, after the order was executed."""
        rig.arm(kind="rest", answer=answer, path=PLACE, count=1)
        state, found = await rig.ask(ONE)
        assert state == "done", found
        assert (found.accounts[0].outcome, found.accounts[0].state) == (
            "done",
            "filled",
        )
        assert len(rig.orders("a")) == 1
        assert "nobody can tell what became of" in caplog.text
        await agreed(rig)

    async def test_an_answer_after_its_events_is_the_same_order(self, rig):
        rig.arm(kind="rest", answer="executed_late", seconds=0.5, path=PLACE, count=1)
        state, found = await rig.ask(ONE)
        assert (state, found.accounts[0].state) == ("done", "filled")
        await agreed(rig)


class TestUserStream:
    @pytest.mark.parametrize("shape", ["duplicate", "late", "shuffle", "drop"])
    async def test_events_in_a_wrong_way_lead_to_the_same_rows(self, rig, shape):
        rig.arm(kind="user_event", shape=shape, seconds=0.3, count=3)
        state, _ = await rig.ask(ONE)
        assert state == "done"
        if shape == "drop":
            await rig.ask(Reconcile(("a",)))
        await agreed(rig)

    @pytest.mark.parametrize("shape", ["expired"])
    async def test_a_listen_key_that_ends_is_replaced_and_everything_compared(
        self, rig, shape
    ):
        rig.arm(kind="listen_key", shape=shape, value="a")
        # What happens meanwhile is not told.
        theirs = rig.truth["a"]
        await until(lambda: rig._ready() < 2)
        assert theirs is not None
        await until(lambda: rig._ready() == 2, 20)
        causes = [
            one.cause for one in await rig.rows(Reconciliation, account__name="a")
        ]
        assert causes[-1] == "reconnect"
        state, _ = await rig.ask(ONE)
        assert state == "done"
        await agreed(rig)

    async def test_orders_of_another_program_are_seen_and_marked(self, rig):
        other = rig.gateways["a"][-1]
        price = (rig.price() * D("0.95")).quantize(D("0.1"))
        await other.place(
            NewOrder("someone-1", "BTCUSDT", "BUY", "LIMIT", D("0.01"), price)
        )
        rows = await eventually(
            lambda: rig.rows(Order, client_id="someone-1"), lambda found: found
        )
        assert (rows[0].external, rows[0].state) == (True, "new")
        await agreed(rig)

    async def test_a_liquidation_is_recognised(self, rig):
        await rig.ask(SetLeverage("BTCUSDT", 100, accounts=("a",)))
        await rig.ask(ONE)
        account = rig.truth["a"]
        account.wallet = D("0.01")
        rows = await eventually(
            lambda: rig.rows(Order, account__name="a", liquidation=True),
            lambda found: found and found[0].state == "filled",
            15,
        )
        assert rows[0].external
        await rig.ask(Reconcile(("a",)))
        assert rig.held("a") == 0
        held = await rig.rows(Position, account__name="a", symbol="BTCUSDT")
        assert [one.quantity for one in held] == [0]


async def test_what_happened_while_nobody_traded_is_found_at_the_start(rig):
    await rig.ask(ONE)
    other = rig.gateways["a"][-1]
    await rig.stop(rig._tasks[0])
    price = (rig.price() * D("0.95")).quantize(D("0.1"))
    side = rig.simulator.accounts
    private = other._private
    await private.place(
        {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
         "quantity": "0.01", "price": str(price), "newClientOrderId": "x-1"}
    )  # fmt: skip
    await private.place(
        {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.03",
         "newClientOrderId": "x-2"}
    )  # fmt: skip
    rig.start()
    await rig.opened(2)
    assert side is not None
    fills = await rig.rows(Fill, account__name="a")
    assert sum(one.quantity for one in fills) == D("0.05")
    held = await rig.rows(Position, account__name="a", symbol="BTCUSDT")
    assert held[0].quantity == rig.held("a") == D("-0.01")
    newest = (await rig.rows(Reconciliation, account__name="a"))[-1]
    kinds = {one["what"] for one in newest.differences}
    assert {"order", "position", "balance", "fill"} <= kinds
    found = await rig.rows(Order, client_id="x-1")
    assert (found[0].external, found[0].state) == (True, "new")
