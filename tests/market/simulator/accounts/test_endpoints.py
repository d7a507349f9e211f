"""The other endpoints of an account: lists, batches, settings, limits."""

from decimal import Decimal as D

import pytest

from market.simulator.accounts import asked
from market.simulator.accounts.endpoints import ORDERS_10S, OrderCounts
from market.simulator.accounts.terms import BRACKETS, cents, maintenance
from market.simulator.errors import ApiError
from market.simulator.queries import Query
from tests.market.simulator.accounts.conftest import trader_of

V1 = "/fapi/v1"
ORDER, BATCH, ALGO = f"{V1}/order", f"{V1}/batchOrders", f"{V1}/algoOrder"
BTC = {"symbol": "BTCUSDT"}


def low(side, away="0.97", symbol="BTCUSDT"):
    """A price below the market, on the tick."""
    tick = side.view.terms(symbol).tick
    return side.view.last(symbol) * D(away) // tick * tick


def limit(side, **more):
    given = {**BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    return {**given, "quantity": "0.01", "price": str(low(side)), **more}


def stop(side, **more):
    given = {**BTC, "algoType": "CONDITIONAL", "side": "SELL", "type": "STOP_MARKET"}
    return {**given, "quantity": "0.01", "triggerPrice": str(low(side)), **more}


async def test_batches_are_amended_and_cancelled_each_for_itself(trader, side):
    placed = await trader.ok("POST", BATCH, batchOrders=[limit(side)] * 3)
    ids = [one["orderId"] for one in placed]
    lower = str(low(side, "0.96"))
    change = {**BTC, "side": "BUY", "quantity": "0.02", "price": lower}
    changes = [{**change, "orderId": ids[0]}, {**change, "orderId": 1}]
    amended = await trader.ok("PUT", BATCH, batchOrders=changes)
    assert (amended[0]["origQty"], amended[1]["code"]) == ("0.02", -2013)
    same = [{**change, "orderId": ids[0]}]
    (refused,) = await trader.ok("PUT", BATCH, batchOrders=same)
    assert refused["code"] == -5027
    gone = await trader.ok("DELETE", BATCH, **BTC, orderIdList=[*ids[:2], 1])
    assert [one.get("status", one.get("code")) for one in gone] == [
        *("CANCELED", "CANCELED"),
        -2011,
    ]
    names = [placed[2]["clientOrderId"]]
    (gone,) = await trader.ok("DELETE", BATCH, **BTC, origClientOrderIdList=names)
    assert gone["status"] == "CANCELED"
    many = [limit(side)] * 6
    assert await trader.code("POST", BATCH, batchOrders=many) == -4082
    assert await trader.code("DELETE", BATCH, **BTC) == -1102


async def test_a_batch_that_is_no_list_of_orders_is_refused(trader):
    for batch in ("nonsense", [1], ["x"], {"a": 1}):
        assert await trader.code("POST", BATCH, batchOrders=batch) in (-1100, -1130)


async def test_all_orders_of_a_symbol_are_cancelled_and_of_no_other(trader, side):
    other = limit(side, symbol="ETHUSDT", price=str(low(side, symbol="ETHUSDT")))
    await trader.ok("POST", BATCH, batchOrders=[limit(side)] * 2 + [other])
    done = await trader.ok("DELETE", f"{V1}/allOpenOrders", **BTC)
    assert done["code"] == 200
    (left,) = await trader.ok("GET", f"{V1}/openOrders")
    assert left["symbol"] == "ETHUSDT"


async def test_conditional_orders_are_listed_and_cancelled(trader, side):
    held = [await trader.ok("POST", ALGO, **stop(side)) for _ in range(3)]
    ids = [one["algoId"] for one in held]
    gone = await trader.ok("DELETE", ALGO, algoId=ids[0])
    assert (gone["algoId"], gone["code"]) == (ids[0], "200")
    assert await trader.code("DELETE", ALGO, algoId=ids[0]) == -2011
    listed = await trader.ok("GET", f"{V1}/openAlgoOrders", **BTC)
    assert [one["algoId"] for one in listed] == ids[1:]
    await trader.ok("DELETE", f"{V1}/algoOpenOrders", **BTC)
    assert await trader.ok("GET", f"{V1}/openAlgoOrders") == []
    whole = await trader.ok("GET", f"{V1}/allAlgoOrders", **BTC)
    assert [one["algoStatus"] for one in whole] == ["CANCELED"] * 3
    assert await trader.code("GET", ALGO, algoId=1) == -2013


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"algoType": "VP"}, -1102),
        ({"type": "MARKET"}, -1116),
        ({"type": "STOP"}, -1102),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "0.01"}, -2007),
        ({"closePosition": True}, -4136),
        ({"clientAlgoId": "twice"}, -4116),
        ({"positionSide": "SHORT"}, -4061),
        ({"timeInForce": "GTD"}, -1102),
    ],
)
async def test_a_conditional_order_that_breaks_a_rule_is_refused(
    trader, side, given, code
):
    await trader.ok("POST", ALGO, **stop(side, clientAlgoId="twice"))
    assert await trader.code("POST", ALGO, **{**stop(side), **given}) == code
    assert len(trader.account.open_algos()) == 1


async def test_trades_and_income_are_found_by_order_id_time_and_kind(trader, side):
    first = await trader.place(quantity="0.01")
    await trader.place("SELL", quantity="0.01")
    path = f"{V1}/userTrades"
    of_first = await trader.ok("GET", path, **BTC, orderId=first["orderId"])
    assert {one["orderId"] for one in of_first} == {first["orderId"]}
    whole = await trader.ok("GET", path, **BTC)
    later = await trader.ok("GET", path, **BTC, fromId=whole[-1]["id"])
    assert [one["id"] for one in later] == [whole[-1]["id"]]
    now = side.view.now_ms
    assert await trader.ok("GET", path, **BTC, startTime=now + 60_000) == []
    week = {"startTime": 0, "endTime": 8 * 86_400_000}
    assert await trader.code("GET", path, **BTC, **week) == -4084
    incomes = await trader.ok("GET", f"{V1}/income", incomeType="COMMISSION", **BTC)
    assert sum(D(one["income"]) for one in incomes) == -sum(
        D(one["commission"]) for one in whole
    )


async def test_accounts_and_positions_of_both_versions_agree(trader, side):
    await trader.place(quantity="0.05")
    every = await trader.ok("GET", "/fapi/v2/positionRisk")
    assert {one["symbol"] for one in every} == set(side.view.names)
    (held,) = [one for one in every if D(one["positionAmt"])]
    (newer,) = await trader.ok("GET", "/fapi/v3/positionRisk")
    assert "leverage" not in newer
    assert held["leverage"] == "20"
    assert held["entryPrice"] == newer["entryPrice"]
    notional = D(newer["notional"])
    assert notional == cents(D("0.05") * D(newer["markPrice"]))
    assert D(newer["maintMargin"]) == pytest.approx(maintenance(notional))
    old, new = [await trader.ok("GET", f"/fapi/v{n}/account") for n in (2, 3)]
    assert old["canTrade"]
    assert old["totalWalletBalance"] == new["totalWalletBalance"]
    whole = D(new["totalWalletBalance"]) + D(new["totalUnrealizedProfit"])
    assert D(new["totalMarginBalance"]) == whole
    (balance,) = await trader.ok("GET", "/fapi/v3/balance")
    assert balance["balance"] == new["totalWalletBalance"]


async def test_rates_brackets_and_rights_are_told(trader):
    rates = await trader.ok("GET", f"{V1}/commissionRate", **BTC)
    assert rates["makerCommissionRate"] == "0.0002"
    (one,) = await trader.ok("GET", f"{V1}/leverageBracket", **BTC)
    for row, (cap, leverage, rate) in zip(one["brackets"], BRACKETS, strict=True):
        assert (row["notionalCap"], row["initialLeverage"]) == (cap, leverage)
        worth = D(row["notionalCap"])
        told = worth * D(str(row["maintMarginRatio"])) - D(str(row["cum"]))
        assert told == maintenance(worth)
        assert D(str(row["maintMarginRatio"])) == rate
    rights = await trader.ok("GET", "/sapi/v1/account/apiRestrictions")
    assert (rights["enableFutures"], rights["enableWithdrawals"]) == (True, False)


async def test_a_margin_type_stays_while_something_is_open(trader, side):
    path = f"{V1}/marginType"
    await trader.ok("POST", ORDER, **limit(side))
    assert await trader.code("POST", path, **BTC, marginType="ISOLATED") == -4047
    dual = f"{V1}/positionSide/dual"
    assert await trader.code("POST", dual, dualSidePosition=True) == -4067
    await trader.ok("DELETE", f"{V1}/allOpenOrders", **BTC)
    await trader.place(quantity="0.01")
    assert await trader.code("POST", path, **BTC, marginType="ISOLATED") == -4048


async def test_a_changed_leverage_is_told_and_caps_what_may_be_held(client):
    trader = trader_of(client, balance=D(1_000_000))
    path = f"{V1}/leverage"
    async with trader.listening() as socket:
        await trader.ok("POST", path, **BTC, leverage=125)
        (told,) = await trader.hear(socket, "ACCOUNT_CONFIG_UPDATE")
    assert told["ac"] == {"s": "BTCUSDT", "l": 125}
    order = {**BTC, "side": "BUY", "type": "MARKET", "quantity": "2"}
    assert await trader.code("POST", ORDER, **order) == -2027
    await trader.ok("POST", path, **BTC, leverage=20)
    await trader.place(quantity="2")
    assert await trader.code("POST", path, **BTC, leverage=125) == -2028


async def test_hedge_mode_takes_no_reduce_only(client):
    trader = trader_of(client, hedge=True)
    order = {**BTC, "side": "SELL", "type": "MARKET", "quantity": "0.01"}
    order |= {"positionSide": "LONG", "reduceOnly": True}
    assert await trader.code("POST", ORDER, **order) == -1106


async def test_a_reducing_order_closes_no_more_than_there_is(trader):
    await trader.place(quantity="0.02")
    more = await trader.place("SELL", quantity="0.05", reduceOnly=True)
    assert (more["status"], D(more["executedQty"])) == ("EXPIRED", D("0.02"))
    assert await trader.position() is None


async def test_an_amended_order_that_meets_the_market_fills(trader, side):
    placed = await trader.place(price=low(side), quantity="0.01")
    best = side.view.best("BTCUSDT", "BUY")
    tick = side.view.terms("BTCUSDT").tick
    high = best * D("1.01") // tick * tick
    change = {**BTC, "side": "BUY", "quantity": "0.01", "price": high}
    told = await trader.ok("PUT", ORDER, orderId=placed["orderId"], **change)
    assert (told["status"], D(told["executedQty"])) == ("FILLED", D("0.01"))


async def test_a_limit_order_takes_levels_up_to_its_price_and_the_rest_rests(client):
    trader = trader_of(client, balance=D(10_000_000))
    view = client.simulator.accounts.view
    (price, offered), *_ = view.levels("BTCUSDT", "BUY")
    order = {**BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    wanted = asked.order(
        Query({**order, "price": str(price), "quantity": str(offered + 1)})
    )
    placed = client.simulator.accounts.desk.place(trader.account, wanted)
    assert (placed.status, placed.filled) == ("PARTIALLY_FILLED", offered)
    assert [(t.price, t.quantity) for t in trader.account.trades] == [(price, offered)]
    assert trader.account.open_orders() == [placed]


async def test_a_window_may_not_be_longer_than_a_minute(trader):
    assert await trader.code("GET", "/fapi/v3/balance", recvWindow=60_001) == -1131


def test_more_orders_than_allowed_are_refused_until_their_time_is_over():
    now = 0.0
    counts = OrderCounts(lambda: now)
    for _ in range(ORDERS_10S):
        counts.spend("a", (1, 1))
    with pytest.raises(ApiError) as refused:
        counts.spend("a", (1, 1))
    assert (refused.value.code, refused.value.status) == (-1015, 429)
    assert refused.value.retry_after == 10
    counts.spend("b", (5, 1))
    assert counts.headers("b")["X-MBX-ORDER-COUNT-10S"] == "5"
    now = 10.0
    counts.spend("a", (1, 1))
    told = counts.headers("a")
    assert told["X-MBX-ORDER-COUNT-10S"] == "1"
    assert told["X-MBX-ORDER-COUNT-1M"] == str(ORDERS_10S + 1)
