"""What the private stream drops is found without it, once, and soon."""

from dataclasses import replace
from decimal import Decimal

import pytest

from accounts import hearing
from accounts.gateway import GatewayUnavailable
from accounts.gateways import binance
from accounts.intent_documents import PlaceOrder
from accounts.models import Fill, Order, Position, Reconciliation
from tests.accounts.on_exchange import trading_on
from tests.accounts.test_trader_on_exchange import agreed
from tests.accounts.trading import trading
from tests.market.conftest import market, simulator
from tests.waiting import eventually

__all__ = ["market", "simulator"]
pytestmark = pytest.mark.usefixtures("database", "layer")
D = Decimal
BUY = PlaceOrder("BTCUSDT", "BUY", D(2), accounts=("a",))
REST = replace(BUY, order_type="LIMIT", price=D(90))


@pytest.fixture
async def rig(tmp_path, monkeypatch):
    monkeypatch.setattr(hearing, "HEAR_SECONDS", 0.1)
    monkeypatch.setattr(hearing, "AGAIN_SECONDS", (0.05, 0.05))
    async with trading(tmp_path, names=("a",)) as made:
        yield made


@pytest.fixture
def silent(rig):
    """The account's gateway, deaf to its own stream; answers tell no executions."""
    shaky = rig.gateway("a")
    shaky.mute = True
    place = shaky.inner.place

    async def placed(order):
        return replace(await place(order), fills=())

    shaky.inner.place = placed
    return shaky


async def fetched(rig, count=1):
    return await eventually(lambda: rig.rows(Fill), lambda rows: len(rows) == count)


async def causes(rig):
    return [one.cause for one in await rig.rows(Reconciliation)]


async def test_executions_that_only_an_answer_told_are_fetched_and_all_is_compared(
    rig, silent
):
    state, answer = await rig.ask(BUY)
    assert (state, answer.accounts[0].filled) == ("done", D(2))
    (fill,) = await fetched(rig)
    assert (fill.quantity, fill.order_id) == (D(2), answer.accounts[0].order)
    held = await eventually(
        lambda: rig.rows(Position, quantity=D(2)), lambda rows: rows
    )
    assert len(held) == 1
    assert await causes(rig) == ["start", "fills"]


async def test_an_execution_that_comes_after_it_was_fetched_is_booked_once(rig, silent):
    await rig.ask(BUY)
    (fill,) = await fetched(rig)
    (told,) = await silent.inner.fills("BTCUSDT", since_ms=0)
    silent.mute = False
    silent.inner._queue.put(told)
    silent.inner._queue.put(told)
    state, _ = await rig.ask(replace(BUY, side="SELL"))
    assert state == "done"
    rows = await fetched(rig, 2)
    assert rows[0] == fill


async def test_what_the_exchange_lists_late_or_not_at_first_is_asked_for_again(
    rig, silent
):
    answers = [GatewayUnavailable("busy"), []]
    whole = silent.inner.fills_of

    async def late(symbol, number):
        if not answers:
            return await whole(symbol, number)
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    silent.fills_of = late
    await rig.ask(BUY)
    await fetched(rig)
    assert answers == []


async def test_what_it_never_lists_leads_to_a_comparison_and_an_end(
    rig, silent, caplog
):
    asked = []

    async def nothing(symbol, number):
        asked.append(number)
        return []

    silent.fills_of = nothing
    await rig.ask(BUY)
    await fetched(rig)  # the comparison finds it
    assert await causes(rig) == ["start", "fills"]
    assert len(asked) == 3
    assert "cannot be had" in caplog.text


async def test_the_account_is_compared_once_a_minute_at_most(rig, silent):
    await rig.ask(BUY)
    await eventually(lambda: causes(rig), lambda found: len(found) == 2)
    await rig.ask(BUY)
    await fetched(rig, 2)
    assert len(await causes(rig)) == 2


async def test_an_order_that_the_stream_is_silent_about_is_asked_for(rig, silent):
    place = silent.inner.place

    async def placed_and_gone(order):
        outcome = await place(order)
        await silent.inner.cancel_all(order.symbol)
        return outcome

    silent.inner.place = placed_and_gone
    _, answer = await rig.ask(REST)
    assert answer.accounts[0].outcome == "done"
    await eventually(
        lambda: rig.rows(Order),
        lambda rows: [one.state for one in rows] == ["canceled"],
    )
    assert await causes(rig) == ["start"]


async def test_a_stream_that_tells_everything_costs_no_question(rig):
    shaky = rig.gateway("a")
    asked = []

    async def counted(*what):
        asked.append(what)
        return []

    shaky.query = shaky.fills_of = counted
    await rig.ask(BUY)
    await rig.ask(REST)
    desk = next(iter(rig.session.desks.open.values()))
    await eventually(lambda: rig.rows(Fill), bool)
    await eventually(_nothing_to_do(desk), bool)
    assert asked == []
    assert await causes(rig) == ["start"]


def _nothing_to_do(desk):
    async def ask():
        return not desk._hearing._tasks

    return ask


@pytest.mark.usefixtures("market")
async def test_all_events_of_an_order_dropped_by_the_exchange_are_made_good(
    simulator, settings, tmp_path, monkeypatch
):
    # Nothing else would find them for minutes.
    monkeypatch.setattr(binance, "EVENT_SECONDS", 600)
    async with trading_on(simulator, settings, tmp_path / "var", ("a",)) as rig:
        rig.arm(kind="user_event", shape="drop", count=20)
        state, answer = await rig.ask(replace(BUY, quantity=D("0.02")))
        assert (state, answer.accounts[0].state) == ("done", "filled")
        fills = await eventually(lambda: rig.rows(Fill), bool)
        theirs = rig.truth["a"].trades
        assert {one.trade_id for one in fills} == {one.number for one in theirs}
        assert {one.order_id for one in fills} == {answer.accounts[0].order}
        await agreed(rig)
        assert await causes(rig) == ["start", "fills"]
        (order,) = await eventually(
            lambda: rig.rows(Order), lambda rows: rows[0].average_price
        )
        paid = sum(one.quantity * one.price for one in fills)
        assert float(order.average_price) == pytest.approx(float(paid / order.filled))
