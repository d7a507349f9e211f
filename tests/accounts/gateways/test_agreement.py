"""Gateway and simulator, which share no code, understand each other in everything."""

from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from accounts.domain.exchange import NewOrder, OrderNews, OrderRef
from tests.faults.trading import trading
from tests.market.conftest import simulator
from tests.waiting import until

__all__ = ["simulator"]
D = Decimal


@pytest.fixture
async def desk(simulator):
    async with trading(simulator) as at_work:
        await until(lambda: at_work.ups)
        yield at_work


async def test_the_life_of_a_position(desk):
    gateway = desk.gateway
    assert (await gateway.set_leverage(desk.symbol, 7)).kind == "done"
    assert (await gateway.set_margin_type(desk.symbol, "isolated")).kind == "done"
    assert (await gateway.set_margin_type(desk.symbol, "isolated")).kind == "done"
    bought = await gateway.place(desk.market("buy"))
    assert bought.news.status == "filled"
    picture = await gateway.picture()
    (position,) = picture.positions
    assert (position.quantity, position.leverage) == (bought.news.quantity, 7)
    assert position.margin_type == "isolated"
    assert (picture.hedge, picture.problems) == (False, ())
    close = NewOrder(
        "sell", desk.symbol, "SELL", "MARKET", position.quantity, reduce_only=True
    )
    assert (await gateway.place(close)).news.status == "filled"
    assert (await gateway.picture()).positions == ()
    again = await gateway.place(
        NewOrder(
            "more", desk.symbol, "SELL", "MARKET", position.quantity, reduce_only=True
        )
    )
    assert (again.kind, again.code) == ("refused", -2022)
    fills = await gateway.fills(desk.symbol, since_ms=0)
    await until(lambda: desk.fills("sell"))
    of_one = await gateway.fills_of(desk.symbol, fills[0].exchange_id)
    assert of_one == [one for one in fills if one.exchange_id == fills[0].exchange_id]
    told = desk.fills("buy") | desk.fills("sell")
    assert {fill.trade_id for fill in fills} == told
    incomes = await gateway.incomes(since_ms=0)
    fees = sum(one.amount for one in incomes if one.kind == "COMMISSION")
    assert fees == -sum(fill.fee for fill in fills)


async def test_the_life_of_resting_orders(desk):
    gateway = desk.gateway
    price = desk.below("0.97")
    order = desk.limit("rest", price)
    placed = await gateway.place(order)
    ref = placed.news.ref
    assert placed.news.status == "new"
    lower = desk.below("0.96")
    amended = await gateway.amend(ref, side="BUY", quantity=D(2), price=lower)
    assert (amended.kind, amended.news.price, amended.news.quantity) == (
        "done",
        lower,
        D(2),
    )
    same = await gateway.amend(ref, side="BUY", quantity=D(2), price=lower)
    assert (same.kind, same.code) == ("refused", -5027)
    assert [one.ref for one in (await gateway.picture()).orders] == [ref]
    assert (await gateway.cancel(ref)).news.status == "canceled"
    late = await gateway.cancel(ref)
    assert (late.kind, late.news.status) == ("refused", "canceled")
    assert await gateway.query(OrderRef(desk.symbol, "never")) is None
    await gateway.place(desk.limit("a", price))
    assert (await gateway.cancel_all(desk.symbol)).kind == "done"
    assert (await gateway.picture()).orders == ()
    await until(lambda: desk.states("a") == ["new", "canceled"])


async def test_the_life_of_a_conditional_order(desk):
    gateway = desk.gateway
    stop = NewOrder(
        "stop", desk.symbol, "SELL", "STOP_MARKET", D(1), stop_price=desk.below("0.9")
    )
    placed = await gateway.place(stop)
    assert (placed.kind, placed.news.status) == ("done", "held")
    again = await gateway.place(stop)
    assert (again.kind, again.news.ref) == ("done", placed.news.ref)
    (held,) = (await gateway.picture()).orders
    assert (held.status, held.stop_price) == ("held", stop.stop_price)
    assert (await gateway.query(placed.news.ref)).status == "held"
    cancelled = await gateway.cancel(placed.news.ref)
    assert (cancelled.kind, cancelled.news.status) == ("done", "canceled")
    await until(lambda: desk.states("stop") == ["held", "canceled"])


async def test_what_a_conditional_order_becomes_is_still_ours(desk):
    gateway, view = desk.gateway, desk.simulator.accounts.view
    tick, last = view.terms(desk.symbol).tick, view.last(desk.symbol)
    # One tick to either side: the next move of the price triggers one of them.
    for name, side, price in (
        ("up", "BUY", last + tick),
        ("down", "SELL", last - tick),
    ):
        order = NewOrder(
            name, desk.symbol, side, "STOP_MARKET", D("0.01"), stop_price=price
        )
        await gateway.place(order)
    await until(lambda: desk.fills("up") or desk.fills("down"), 20)
    name = "up" if desk.fills("up") else "down"
    await until(lambda: desk.states(name)[-1] == "filled")
    news = await gateway.query(OrderRef(desk.symbol, name, algo=True))
    assert (news.status, news.filled) == ("filled", D("0.01"))
    assert news.ref.exchange_id == news.triggered_id
    assert {order.ref.client_id for order in desk.of(OrderNews)} <= {"up", "down"}


async def test_refusals_carry_their_reason(desk):
    gateway = desk.gateway
    tick = desk.simulator.accounts.view.terms(desk.symbol).tick
    off = desk.limit("off", desk.below("0.97") + tick / 2)
    assert (await gateway.place(off)).kind == "refused"
    poor = desk.market("poor", quantity="100000")
    outcome = await gateway.place(poor)
    assert outcome.kind == "refused"
    assert outcome.message
    post_only = NewOrder(
        "gtx", desk.symbol, "SELL", "LIMIT", D(1), desk.below("0.97"), "GTX"
    )
    outcome = await gateway.place(post_only)
    assert outcome.kind == "refused" or outcome.news.status == "expired"


async def test_hedge_mode(desk):
    gateway = desk.gateway
    assert (await gateway.set_position_mode(hedge=True)).kind == "done"
    assert (await gateway.set_position_mode(hedge=True)).kind == "done"
    wrong = await gateway.place(desk.market("both"))
    assert (wrong.kind, wrong.code) == ("refused", -4061)
    for side, position_side in (("BUY", "LONG"), ("SELL", "SHORT")):
        order = NewOrder(
            position_side,
            desk.symbol,
            side,
            "MARKET",
            D("0.01"),
            position_side=position_side,
        )
        assert (await gateway.place(order)).news.status == "filled"
    picture = await gateway.picture()
    assert picture.hedge
    held = {one.side: one.quantity for one in picture.positions if one.quantity}
    assert held == {"LONG": D("0.01"), "SHORT": D("-0.01")}


@pytest.mark.parametrize(
    "make",
    [
        lambda: rsa.generate_private_key(65_537, 2_048),
        ed25519.Ed25519PrivateKey.generate,
    ],
)
async def test_orders_are_signed_with_private_keys_too(simulator, make):
    key = make()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    async with trading(simulator, keys=(public.decode(), private.decode())) as at_work:
        placed = await at_work.gateway.place(at_work.limit("a", at_work.below("0.97")))
        assert placed.kind == "done"
        assert (await at_work.gateway.cancel(placed.news.ref)).kind == "done"


async def test_the_dead_mans_switch(desk):
    gateway = desk.gateway
    await gateway.place(desk.limit("rest", desk.below("0.97")))
    assert (await gateway.countdown(desk.symbol, 300)).kind == "done"
    await until(lambda: desk.states("rest") == ["new", "canceled"])
