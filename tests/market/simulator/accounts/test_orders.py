"""Orders of a running exchange: taken, filled, changed, cancelled, refused."""

from decimal import Decimal as D

import pytest

from tests.market.simulator.accounts.conftest import trader_of

ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"


def far(side, trader, away="0.97", symbol="BTCUSDT"):
    """A price that the market does not reach, on the tick."""
    view = trader.client.simulator.accounts.view
    tick = view.terms(symbol).tick
    return (view.last(symbol) * D(away) / tick).to_integral_value() * tick


async def test_a_market_order_fills_and_makes_position_trades_and_income(trader):
    placed = await trader.place(quantity="0.5", newClientOrderId="mine-1")
    assert (placed["status"], D(placed["executedQty"])) == ("FILLED", D("0.5"))
    told = await trader.ok("GET", ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")
    assert told["orderId"] == placed["orderId"]
    trades = await trader.ok("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
    assert sum(D(one["qty"]) for one in trades) == D("0.5")
    worth = sum(D(one["qty"]) * D(one["price"]) for one in trades)
    assert D(told["avgPrice"]) == worth / D("0.5")
    assert sum(D(one["commission"]) for one in trades) == worth * D("0.0005")
    position = await trader.position()
    assert D(position["positionAmt"]) == D("0.5")
    kinds = [one["incomeType"] for one in await trader.ok("GET", "/fapi/v1/income")]
    assert kinds == ["TRANSFER"] + ["COMMISSION"] * len(trades)


async def test_wallet_is_the_start_plus_profits_less_fees(trader):
    await trader.place(quantity="0.5")
    await trader.place("SELL", quantity="0.2")
    await trader.place("SELL", quantity="0.3", reduceOnly=True)
    incomes = await trader.ok("GET", "/fapi/v1/income", limit=1000)
    (row,) = await trader.ok("GET", "/fapi/v3/balance")
    whole = sum(D(one["income"]) for one in incomes)
    assert D(row["balance"]) == whole.quantize(D("0.00000001"))
    assert await trader.position() is None


async def test_a_resting_order_is_listed_amended_and_cancelled(trader):
    price = far("BUY", trader)
    placed = await trader.place(quantity="0.1", price=price)
    assert placed["status"] == "NEW"
    lower = price - 1
    changed = await trader.ok(
        "PUT",
        ORDER,
        symbol="BTCUSDT",
        orderId=placed["orderId"],
        side="BUY",
        quantity="0.2",
        price=lower,
    )
    assert (D(changed["price"]), changed["origQty"]) == (lower, "0.2")
    (listed,) = await trader.ok("GET", "/fapi/v1/openOrders", symbol="BTCUSDT")
    assert listed["orderId"] == placed["orderId"]
    gone = await trader.ok("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert gone["status"] == "CANCELED"
    again = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    assert await trader.code("DELETE", ORDER, **again) == -2011


async def test_a_resting_order_is_filled_as_maker_when_the_market_comes(trader, side):
    view = side.view
    best = view.best("BTCUSDT", "BUY")
    placed = await trader.place(
        quantity="0.01", price=best - view.terms("BTCUSDT").tick
    )
    account = trader.account
    order = account.orders[placed["orderId"]]
    order.price = best + 1_000
    side.step()
    assert order.status == "FILLED"
    (trade,) = account.trades
    assert trade.maker
    assert trade.price == best + 1_000
    assert trade.fee == trade.price * trade.quantity * D("0.0002")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"quantity": "0"}, -4003),
        ({"quantity": "0.0001"}, -4004),
        ({"quantity": "0.0015"}, -1111),
        ({"quantity": "99999999"}, -4005),
        ({"quantity": "0.001", "symbol": "ETHUSDT"}, -4164),
        ({"symbol": "NOSUCH"}, -1121),
        ({"side": "HOLD"}, -1117),
        ({"type": "GUESS"}, -1116),
        ({"type": "STOP_MARKET", "stopPrice": "1"}, -4120),
        ({"type": "LIMIT", "price": "1.23456", "timeInForce": "GTC"}, -4014),
        (
            {"type": "LIMIT", "price": "1000", "timeInForce": "GTC", "side": "SELL"},
            -4024,
        ),
        ({"type": "LIMIT", "timeInForce": "GTC"}, -1102),
        ({"type": "LIMIT", "price": "50000", "timeInForce": "XXX"}, -1115),
        ({"newClientOrderId": "with space"}, -4015),
        ({"positionSide": "LONG"}, -4061),
        ({"reduceOnly": True}, -2022),
        ({"quantity": "15"}, -2019),
    ],
)
async def test_what_breaks_a_rule_is_refused_by_its_code(trader, given, code):
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    assert await trader.code("POST", ORDER, **{**order, **given}) == code
    assert not trader.account.trades


async def test_a_client_id_is_taken_once_while_its_order_is_open(trader):
    price = far("BUY", trader)
    await trader.place(price=price, newClientOrderId="one")
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.1"}
    again = {**order, "price": price, "timeInForce": "GTC", "newClientOrderId": "one"}
    assert await trader.code("POST", ORDER, **again) == -4116


async def test_time_in_force_decides_what_is_not_filled_at_once(trader, side):
    cross = far("BUY", trader, "1.01")
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "price": cross}
    code = await trader.code("POST", ORDER, **order, quantity="0.01", timeInForce="GTX")
    assert code == -5022
    low = {**order, "price": far("BUY", trader), "quantity": "0.01"}
    assert await trader.code("POST", ORDER, **low, timeInForce="FOK") == -5021
    given = {**low, "newOrderRespType": "RESULT"}
    ended = await trader.ok("POST", ORDER, **given, timeInForce="IOC")
    assert (ended["status"], ended["executedQty"]) == ("EXPIRED", "0")
    assert trader.account.orders[ended["orderId"]].expiry_reason == "2"


async def test_an_answer_tells_of_fills_only_when_the_result_is_asked_for(trader):
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    told = await trader.ok("POST", ORDER, **order)
    assert (told["status"], told["executedQty"], told["cumQty"]) == ("NEW", "0", "0")
    found = await trader.ok("GET", ORDER, symbol="BTCUSDT", orderId=told["orderId"])
    assert (found["status"], D(found["executedQty"])) == ("FILLED", D("0.01"))
    told = await trader.ok("POST", ORDER, **order, newOrderRespType="RESULT")
    assert (told["status"], D(told["executedQty"])) == ("FILLED", D("0.01"))


async def test_an_order_with_a_date_ends_there(trader, side):
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01"}
    order |= {"price": far("BUY", trader), "timeInForce": "GTD"}
    now = side.view.shown_ms
    assert await trader.code("POST", ORDER, **order) == -1102
    soon = {**order, "goodTillDate": now + 500_000}
    assert await trader.code("POST", ORDER, **soon) == -5040
    placed = await trader.ok("POST", ORDER, **order, goodTillDate=now + 700_000)
    assert placed["goodTillDate"] == (now + 700_000) // 1000 * 1000
    kept = trader.account.orders[placed["orderId"]]
    side.step()
    assert kept.open
    kept.good_till_ms = now - 1
    side.step()
    assert kept.status == "EXPIRED"


async def test_an_unknown_symbol_is_no_empty_list(trader):
    for path in ("/fapi/v1/openOrders", "/fapi/v1/openAlgoOrders", ORDER):
        assert await trader.code("GET", path, symbol="NOSUCH", orderId=1) == -1121


async def test_orders_that_ended_are_told_of_for_a_while(trader, side):
    empty = await trader.place(price=far("BUY", trader))
    await trader.ok("DELETE", ORDER, symbol="BTCUSDT", orderId=empty["orderId"])
    full = await trader.place(quantity="0.01")
    open_ = await trader.place(price=far("BUY", trader))
    for days, gone in ((4, [empty]), (91, [empty, full])):
        for order in trader.account.orders.values():
            order.created_ms = side.view.now_ms - days * 86_400_000
        listed = await trader.ok("GET", "/fapi/v1/allOrders", symbol="BTCUSDT")
        told = {one["orderId"] for one in listed}
        for order in (empty, full, open_):
            assert (order["orderId"] in told) == (order not in gone)
        for order in gone:
            asked = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
            assert await trader.code("GET", ORDER, **asked) == -2013


async def test_a_batch_answers_each_order_for_itself(trader):
    good = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    answers = await trader.ok(
        "POST", "/fapi/v1/batchOrders", batchOrders=[good, {**good, "quantity": "0"}]
    )
    assert trader.account.orders[answers[0]["orderId"]].status == "FILLED"
    assert answers[1]["code"] == -4003


async def test_hedge_mode_holds_both_sides_and_closes_no_more_than_there_is(client):
    trader = trader_of(client, hedge=True)
    await trader.place(quantity="0.2", positionSide="LONG")
    await trader.place("SELL", quantity="0.1", positionSide="SHORT")
    assert D((await trader.position(side="LONG"))["positionAmt"]) == D("0.2")
    assert D((await trader.position(side="SHORT"))["positionAmt"]) == D("-0.1")
    order = {"symbol": "BTCUSDT", "type": "MARKET", "side": "SELL", "quantity": "0.3"}
    assert await trader.code("POST", ORDER, **order, positionSide="LONG") == -2022
    assert await trader.code("POST", ORDER, **order) == -4061
    await trader.place("SELL", quantity="0.2", positionSide="LONG")
    assert await trader.position(side="LONG") is None


async def test_settings_change_and_say_when_they_are_so_already(trader):
    told = await trader.ok("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=5)
    assert told["leverage"] == 5
    margin = {"symbol": "BTCUSDT", "marginType": "ISOLATED"}
    await trader.ok("POST", "/fapi/v1/marginType", **margin)
    assert await trader.code("POST", "/fapi/v1/marginType", **margin) == -4046
    (row,) = await trader.ok("GET", "/fapi/v1/symbolConfig", symbol="BTCUSDT")
    assert (row["marginType"], row["leverage"]) == ("ISOLATED", 5)
    dual = "/fapi/v1/positionSide/dual"
    assert await trader.code("POST", dual, dualSidePosition=False) == -4059
    await trader.place()
    assert await trader.code("POST", dual, dualSidePosition=True) == -4068
    assert (
        await trader.code("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=126)
        == -4028
    )


async def test_a_conditional_order_waits_triggers_and_becomes_an_order(trader, side):
    await trader.place(quantity="0.1")
    stop = {
        "algoType": "CONDITIONAL",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_MARKET",
        "closePosition": True,
        "clientAlgoId": "stop-1",
    }
    above = far("SELL", trader, "1.02")
    assert await trader.code("POST", ALGO, **stop, triggerPrice=above) == -2021
    held = await trader.ok("POST", ALGO, **stop, triggerPrice=far("SELL", trader))
    assert held["algoStatus"] == "NEW"
    trader.account.algos[held["algoId"]].trigger = above
    side.step()
    told = await trader.ok("GET", ALGO, clientAlgoId="stop-1")
    assert told["algoStatus"] == "FINISHED"
    child = await trader.ok(
        "GET", ORDER, symbol="BTCUSDT", orderId=told["actualOrderId"]
    )
    assert (child["status"], child["origType"]) == ("FILLED", "STOP_MARKET")
    assert await trader.position() is None


async def test_a_trailing_stop_follows_the_best_price(trader, side):
    await trader.place(quantity="0.1")
    held = await trader.ok(
        "POST",
        ALGO,
        algoType="CONDITIONAL",
        symbol="BTCUSDT",
        side="SELL",
        type="TRAILING_STOP_MARKET",
        quantity="0.1",
        reduceOnly=True,
        callbackRate="5",
    )
    side.step()
    algo = trader.account.algos[held["algoId"]]
    assert algo.trigger == algo.extreme * D("0.95")
    algo.extreme *= 2
    side.step()
    assert algo.status == "FINISHED"


async def test_the_dead_man_switch_cancels_unless_it_is_asked_again(trader, side):
    placed = await trader.place(price=far("BUY", trader))
    path = "/fapi/v1/countdownCancelAll"
    await trader.ok("POST", path, symbol="BTCUSDT", countdownTime=60_000)
    side.step()
    order = trader.account.orders[placed["orderId"]]
    assert order.open
    trader.account.countdowns["BTCUSDT"] = side.view.shown_ms - 1
    side.step()
    assert order.status == "CANCELED"


async def test_orders_are_counted_and_told(trader):
    _, _, headers = await trader.ask(
        "POST",
        ORDER,
        symbol="BTCUSDT",
        side="BUY",
        type="MARKET",
        quantity="0.01",
    )
    assert headers["X-MBX-ORDER-COUNT-10S"] == headers["X-MBX-ORDER-COUNT-1M"] == "1"
