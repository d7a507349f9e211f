"""The gateway of an account over real connections to prepared answers."""

import asyncio
from decimal import Decimal

import pytest

from accounts.domain.exchange import (
    BalanceNews,
    ConfigNews,
    FillNews,
    NewOrder,
    OrderNews,
    OrderRef,
    PositionNews,
    StreamNews,
)
from accounts.gateway import GatewayRefused, GatewayUnavailable
from accounts.gateways import binance
from accounts.gateways.binance import BinanceGateway
from market.binance.private_rest import PAGE, PrivateRest
from tests.market.binance.desk import (
    Lost,
    caller_of,
    filled,
    hall_of,
    open_desk,
    order,
    refusal,
)
from tests.waiting import until

PLACE, CANCEL = "POST /fapi/v1/order", "DELETE /fapi/v1/order"
QUERY, AMEND = "GET /fapi/v1/order", "PUT /fapi/v1/order"
ALGO = "/fapi/v1/algoOrder"
D = Decimal
REF = OrderRef("BTCUSDT", "c-1", 71)
LIMIT = NewOrder("c-1", "BTCUSDT", "BUY", "LIMIT", D(1), D(100))
STOP = NewOrder("s-1", "BTCUSDT", "SELL", "STOP_MARKET", D(1), stop_price=D(90))


def algo(status="NEW", **more):
    return {
        "algoId": 900, "clientAlgoId": "s-1", "algoType": "CONDITIONAL",
        "orderType": "STOP_MARKET", "symbol": "BTCUSDT", "side": "SELL",
        "positionSide": "BOTH", "timeInForce": "GTC", "quantity": "1",
        "algoStatus": status, "triggerPrice": "90", "price": "0", "icebergQuantity": None,
        "workingType": "CONTRACT_PRICE", "closePosition": False, "reduceOnly": False,
        "createTime": 1, "updateTime": 2, "triggerTime": 0, "goodTillDate": 0,
    } | more  # fmt: skip


def algo_update(status, child="", **more):
    o = {
        "caid": "s-1", "aid": 900, "at": "CONDITIONAL", "o": "STOP_MARKET",
        "s": "BTCUSDT", "S": "SELL", "ps": "BOTH", "f": "GTC", "q": "1", "X": status,
        "ai": child, "ap": "0", "aq": "0", "act": "MARKET", "tp": "90", "p": "0",
    } | more  # fmt: skip
    return {"e": "ALGO_UPDATE", "T": 10, "E": 11, "o": o}


@pytest.fixture
async def desk():
    async with open_desk() as desk:
        yield desk


class Told:
    """A gateway at work and what its events said."""

    def __init__(self, gateway):
        self.gateway, self.news, self.reports = gateway, [], []

    async def listen(self):
        async for news in self.gateway.events():
            self.news.append(news)

    def of(self, kind):
        return [news for news in self.news if isinstance(news, kind)]

    @property
    def ups(self):
        return [news for news in self.of(StreamNews) if news.up]


@pytest.fixture
async def told(desk):
    async with caller_of(desk, order_seconds=0.5) as caller:
        reports = []
        gateway = BinanceGateway(
            "main",
            PrivateRest(caller),
            hall_of(desk, quiet=0.5),
            connection="private-7",
            report=reports.append,
        )
        told = Told(gateway)
        told.reports = reports
        listening = asyncio.create_task(told.listen())
        yield told
        await gateway.close()
        async with asyncio.timeout(2):
            await listening


@pytest.fixture
def gateway(told):
    return told.gateway


# -- placing ----------------------------------------------------------------------------


async def test_a_limit_order_is_done_with_the_state_it_led_to(desk, gateway):
    desk.on(PLACE, order())
    outcome = await gateway.place(LIMIT)
    assert outcome.kind == "done"
    assert outcome.news.ref == REF
    assert outcome.news.status == "new"
    (asked,) = desk.of(PLACE)
    assert asked.params["newClientOrderId"] == "c-1"
    assert asked.params["timeInForce"] == "GTC"
    assert "reduceOnly" not in asked.params


async def test_in_hedge_mode_the_side_says_what_is_reduced(desk, gateway):
    desk.on(PLACE, order())
    await gateway.place(
        NewOrder(
            "c",
            "BTCUSDT",
            "SELL",
            "MARKET",
            D(1),
            position_side="LONG",
            reduce_only=True,
        )
    )
    asked = desk.of(PLACE)[0].params
    assert asked["positionSide"] == "LONG"
    assert not asked.keys() & {"reduceOnly", "price", "timeInForce"}


async def test_a_conditional_order_goes_to_the_algo_endpoint(desk, gateway):
    desk.on(f"POST {ALGO}", algo())
    outcome = await gateway.place(STOP)
    assert outcome.news.status == "held"
    assert outcome.news.ref == OrderRef("BTCUSDT", "s-1", None, algo=True, algo_id=900)
    asked = desk.of(f"POST {ALGO}")[0].params
    assert (asked["algoType"], asked["triggerPrice"]) == ("CONDITIONAL", "90")
    assert "stopPrice" not in asked


@pytest.mark.parametrize(
    ("new", "has", "lacks"),
    [
        (
            NewOrder("s", "X", "SELL", "STOP_MARKET", D(0), stop_price=D(9), close_position=True),
            {"closePosition": "true"},
            {"quantity"},
        ),
        (
            NewOrder("s", "X", "SELL", "TAKE_PROFIT", D(1), D(12), stop_price=D(11)),
            {"price": "12", "triggerPrice": "11", "timeInForce": "GTC"},
            set(),
        ),
        (
            NewOrder("s", "X", "SELL", "TRAILING_STOP_MARKET", D(1), stop_price=D(11), callback_rate=D("0.5")),
            {"callbackRate": "0.5", "activatePrice": "11"},
            {"triggerPrice", "price"},
        ),
    ],
)  # fmt: skip
async def test_each_kind_of_conditional_says_what_it_needs(
    desk, gateway, new, has, lacks
):
    desk.on(f"POST {ALGO}", algo())
    await gateway.place(new)
    asked = desk.of(f"POST {ALGO}")[0].params
    assert has.items() <= asked.items()
    assert not lacks & asked.keys()


# -- F19: what nobody knows is asked for, never sent again ---------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        refusal(-1007, "Timeout waiting for response from backend server.", 408),
        refusal(-1006, "An unexpected response was received", 500),
        refusal(-1000, "Unknown error, please check your request or try again later.", 503),
        (502, "<html>bad gateway"),
        Lost,
    ],
)  # fmt: skip
async def test_an_unknown_outcome_is_told_and_the_order_is_sent_once(
    desk, gateway, answer
):
    desk.on(PLACE, answer, order())
    assert (await gateway.place(LIMIT)).kind == "unknown"
    desk.on(QUERY, order(status="FILLED", executedQty="1", avgPrice="99"))
    news = await gateway.query(OrderRef("BTCUSDT", "c-1"))
    assert (news.status, news.filled, news.average_price) == ("filled", D(1), D(99))
    assert len(desk.of(PLACE)) == 1


async def test_a_duplicate_id_proves_that_the_order_exists(desk, gateway):
    desk.on(PLACE, refusal(-4116, "ClientOrderId is duplicated."))
    desk.on(QUERY, order(status="PARTIALLY_FILLED", executedQty="0.4"))
    outcome = await gateway.place(LIMIT)
    assert (outcome.kind, outcome.news.filled) == ("done", D("0.4"))
    assert len(desk.of(PLACE)) == 1


async def test_another_order_of_the_same_id_is_no_success(desk, gateway):
    desk.on(PLACE, refusal(-4116, "ClientOrderId is duplicated."))
    desk.on(QUERY, order(side="SELL"))
    outcome = await gateway.place(LIMIT)
    assert (outcome.kind, outcome.code) == ("refused", -4116)
    assert "another order" in outcome.message


async def test_a_duplicate_id_whose_order_cannot_be_read_stays_unknown(desk, gateway):
    desk.on(PLACE, refusal(-4116, "ClientOrderId is duplicated."))
    desk.on(QUERY, (500, ""))
    assert (await gateway.place(LIMIT)).kind == "unknown"


async def test_an_order_the_exchange_does_not_know_is_none(desk, gateway):
    desk.on(QUERY, refusal(-2013, "Order does not exist."))
    assert await gateway.query(REF) is None
    desk.on(QUERY, (500, ""))
    with pytest.raises(GatewayUnavailable):
        await gateway.query(REF)
    desk.on(QUERY, refusal(-2015, "Invalid API-key", 401))
    with pytest.raises(GatewayRefused):
        await gateway.query(REF)


# -- cancel, amend, settings ----------------------------------------------------------------


async def test_a_cancel_tells_the_last_state(desk, gateway):
    desk.on(CANCEL, order(status="CANCELED", executedQty="0.3"))
    outcome = await gateway.cancel(REF)
    assert (outcome.kind, outcome.news.status) == ("done", "canceled")
    assert outcome.news.filled == D("0.3")


async def test_a_cancel_that_came_too_late_tells_what_became_of_the_order(
    desk, gateway
):
    desk.on(CANCEL, refusal(-2011, "Unknown order sent."))
    desk.on(QUERY, order(status="FILLED", executedQty="1"))
    outcome = await gateway.cancel(REF)
    assert (outcome.kind, outcome.code) == ("refused", -2011)
    assert outcome.news.status == "filled"


async def test_a_conditional_is_cancelled_where_it_is_held(desk, gateway):
    desk.on(
        f"DELETE {ALGO}",
        {"algoId": 900, "clientAlgoId": "s-1", "code": "200", "msg": "success"},
    )
    desk.on(f"GET {ALGO}", algo("CANCELED"))
    held = OrderRef("BTCUSDT", "s-1", None, algo=True, algo_id=900)
    outcome = await gateway.cancel(held)
    assert (outcome.kind, outcome.news.status) == ("done", "canceled")
    desk.on(CANCEL, order("child", orderId=72, status="CANCELED"))
    await gateway.cancel(OrderRef("BTCUSDT", "s-1", 72, algo=True))
    assert desk.of(CANCEL)[0].params["orderId"] == "72"


async def test_a_conditional_that_triggered_has_the_state_of_what_it_became(
    desk, gateway
):
    desk.on(f"GET {ALGO}", algo("FINISHED", actualOrderId="72"))
    desk.on(
        QUERY,
        order(
            "child",
            orderId=72,
            side="SELL",
            status="FILLED",
            executedQty="1",
            avgPrice="89.5",
        ),
    )
    news = await gateway.query(OrderRef("BTCUSDT", "s-1", None, algo=True))
    assert (news.status, news.filled, news.triggered_id) == ("filled", D(1), 72)
    assert news.ref == OrderRef("BTCUSDT", "s-1", 72, algo=True, algo_id=900)


async def test_all_orders_of_a_symbol_are_cancelled_conditional_ones_too(desk, gateway):
    gone = {"code": 200, "msg": "The operation of cancel all open order is done."}
    desk.on("DELETE /fapi/v1/allOpenOrders", gone)
    desk.on("DELETE /fapi/v1/algoOpenOrders", gone)
    assert (await gateway.cancel_all("BTCUSDT")).kind == "done"
    desk.on("DELETE /fapi/v1/algoOpenOrders", (500, ""))
    assert (await gateway.cancel_all("BTCUSDT")).kind == "unknown"


async def test_an_amended_order_has_its_new_price(desk, gateway):
    desk.on(AMEND, order(price="101", origQty="2"))
    outcome = await gateway.amend(REF, side="BUY", quantity=D(2), price=D(101))
    assert (outcome.kind, outcome.news.price, outcome.news.quantity) == (
        "done",
        D(101),
        D(2),
    )


async def test_what_is_so_already_is_done(desk, told, gateway):
    desk.on(
        "POST /fapi/v1/marginType", refusal(-4046, "No need to change margin type.")
    )
    desk.on(
        "POST /fapi/v1/positionSide/dual",
        refusal(-4059, "No need to change position side."),
    )
    assert (await gateway.set_margin_type("BTCUSDT", "isolated")).kind == "done"
    assert desk.asked[-1].params["marginType"] == "ISOLATED"
    assert (await gateway.set_position_mode(hedge=True)).kind == "done"
    await until(lambda: told.of(ConfigNews))
    assert told.of(ConfigNews)[0].hedge is True
    desk.on("POST /fapi/v1/positionSide/dual", refusal(-4068, "There is a position"))
    assert (await gateway.set_position_mode(hedge=False)).kind == "refused"


async def test_leverage_and_the_dead_man_switch(desk, gateway):
    desk.on(
        "POST /fapi/v1/leverage",
        {"symbol": "BTCUSDT", "leverage": 5, "maxNotionalValue": "1"},
    )
    desk.on(
        "POST /fapi/v1/countdownCancelAll",
        {"symbol": "BTCUSDT", "countdownTime": "30000"},
    )
    assert (await gateway.set_leverage("BTCUSDT", 5)).kind == "done"
    assert (await gateway.countdown("BTCUSDT", 30_000)).kind == "done"


# -- everything at once -----------------------------------------------------------------------


def everything(desk):
    desk.on("GET /fapi/v1/openOrders", [order()])
    desk.on("GET /fapi/v1/openAlgoOrders", [algo()])
    desk.on("GET /fapi/v3/positionRisk", [{
        "symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "-0.5",
        "entryPrice": "100", "unRealizedProfit": "1.25", "liquidationPrice": "150",
        "isolatedMargin": "0", "updateTime": 1,
    }])  # fmt: skip
    desk.on(
        "GET /fapi/v3/balance",
        [{"asset": "USDT", "balance": "1000.5", "availableBalance": "900"}],
    )
    desk.on("GET /fapi/v1/positionSide/dual", {"dualSidePosition": False})
    desk.on(
        "GET /fapi/v1/symbolConfig",
        [{"symbol": "BTCUSDT", "marginType": "ISOLATED", "leverage": 7}],
    )


async def test_a_picture_holds_orders_positions_balances_and_settings(desk, gateway):
    everything(desk)
    picture = await gateway.picture()
    assert [one.ref.client_id for one in picture.orders] == ["s-1", "c-1"]
    (position,) = picture.positions
    assert (position.quantity, position.leverage, position.margin_type) == (
        D("-0.5"),
        7,
        "isolated",
    )
    assert picture.balances[0].available == D(900)
    assert (picture.hedge, picture.problems) == (False, ())
    await gateway.picture()
    assert len(desk.of("GET /fapi/v1/positionSide/dual")) == 1


async def test_a_picture_without_its_positions_is_none(desk, gateway):
    everything(desk)
    desk.on("GET /fapi/v3/positionRisk", (503, "Unknown error"))
    with pytest.raises(GatewayUnavailable):
        await gateway.picture()
    everything(desk)
    desk.on("GET /fapi/v1/symbolConfig", (404, "<html>"))
    picture = await gateway.picture()
    assert picture.positions[0].leverage is None
    assert "leverage" in picture.problems[0]


def trades(first, count, at):
    return [
        {
            "symbol": "BTCUSDT", "id": n, "orderId": 71, "side": "BUY", "price": "100",
            "qty": "0.001", "realizedPnl": "0", "commission": "0.01",
            "commissionAsset": "USDT", "time": at + n, "positionSide": "BOTH",
            "maker": False, "buyer": True,
        }
        for n in range(first, first + count)
    ]  # fmt: skip


async def test_fills_come_whole_over_pages_and_weeks(desk, gateway):
    now = gateway._private.now_ms()
    since = now - 10 * 86_400_000
    old, new = trades(0, PAGE + 3, since), trades(5_000, 2, now - 60_000)

    def page(params):
        start, end = int(params["startTime"]), int(params["endTime"])
        assert end - start < 7 * 86_400_000
        rows = [row for row in old + new if start <= row["time"] <= end]
        return rows[:PAGE]

    desk.on("GET /fapi/v1/userTrades", page)
    found = await gateway.fills("BTCUSDT", since_ms=since)
    assert [one.trade_id for one in found] == [*range(PAGE + 3), 5_000, 5_001]
    assert isinstance(found[0], FillNews)


async def test_fills_of_an_order_are_asked_for_by_its_number(desk, gateway):
    now = gateway._private.now_ms()
    asked = []

    def page(params):
        asked.append(params)
        return trades(0, 2, now - 60_000)

    desk.on("GET /fapi/v1/userTrades", page)
    found = await gateway.fills_of("BTCUSDT", 71)
    assert [(one.trade_id, one.exchange_id) for one in found] == [(0, 71), (1, 71)]
    (params,) = asked
    assert (params["symbol"], params["orderId"]) == ("BTCUSDT", "71")
    assert int(params["endTime"]) - int(params["startTime"]) < 7 * 86_400_000


async def test_incomes_of_one_transaction_are_told_apart_by_their_kind(desk, gateway):
    row = {
        "symbol": "BTCUSDT",
        "asset": "USDT",
        "time": 5,
        "tranId": 9,
        "tradeId": "3",
        "info": "",
    }
    desk.on("GET /fapi/v1/income", [
        row | {"incomeType": "COMMISSION", "income": "-0.01"},
        row | {"incomeType": "REALIZED_PNL", "income": "2"},
    ])  # fmt: skip
    found = await gateway.incomes(since_ms=0)
    assert [(one.kind, one.amount) for one in found] == [
        ("COMMISSION", D("-0.01")),
        ("REALIZED_PNL", D(2)),
    ]


# -- what the stream tells --------------------------------------------------------------------


async def test_a_fill_becomes_the_orders_state_and_an_execution(desk, told):
    await told.gateway.start()
    await until(lambda: told.ups)
    await desk.push(
        {"e": "TRADE_LITE", "E": 1, "T": 1, "s": "BTCUSDT", "q": "0.020", "p": "0", "m": False, "c": "c-1", "S": "BUY", "L": "100.50", "l": "0.020", "t": 5, "i": 71},
        {"e": "ACCOUNT_UPDATE", "T": 2, "E": 2, "a": {"m": "ORDER", "B": [{"a": "USDT", "wb": "99", "cw": "99", "bc": "0"}], "P": [{"s": "BTCUSDT", "pa": "0.02", "ep": "100.5", "cr": "0", "up": "0.1", "mt": "cross", "iw": "0", "ps": "BOTH", "ma": "USDT", "bep": "100.5"}]}},
        filled("c-1"),
        filled("c-1"),
    )  # fmt: skip
    await until(lambda: len(told.of(FillNews)) == 2)
    balance, position = told.of(BalanceNews)[0], told.of(PositionNews)[0]
    assert (balance.asset, balance.wallet) == ("USDT", D(99))
    assert (position.quantity, position.entry, position.profit) == (
        D("0.02"),
        D("100.5"),
        D("0.1"),
    )
    state, fill = told.of(OrderNews)[0], told.of(FillNews)[0]
    assert (state.status, state.filled, state.average_price) == (
        "filled",
        D("0.02"),
        D("100.5"),
    )
    assert (fill.trade_id, fill.quantity, fill.price, fill.fee) == (
        5,
        D("0.02"),
        D("100.5"),
        D("0.001"),
    )
    assert fill.realised == D("1.5")


async def test_what_a_conditional_became_carries_its_client_id(desk, told):
    await told.gateway.start()
    await until(lambda: told.ups)
    await desk.push(
        algo_update("NEW"),
        algo_update("TRIGGERING"),
        algo_update("TRIGGERED", "72"),
        filled("whatever", order_id=72, S="SELL"),
        algo_update("FINISHED", "72", aq="1", ap="89.5"),
    )
    await until(lambda: told.of(FillNews))
    statuses = [one.status for one in told.of(OrderNews)]
    assert statuses == ["held", "held", "new", "filled"]
    assert {one.ref.client_id for one in told.of(OrderNews)} == {"s-1"}
    assert told.of(FillNews)[0].client_id == "s-1"


@pytest.mark.parametrize(
    "client_id", ["autoclose-1", "adl_autoclose", "settlement_autoclose-9"]
)
async def test_what_the_exchange_itself_orders_is_marked(desk, told, client_id):
    await told.gateway.start()
    await until(lambda: told.ups)
    await desk.push(filled(client_id, x="CALCULATED"))
    await until(lambda: told.of(OrderNews))
    assert told.of(OrderNews)[0].liquidation


@pytest.mark.parametrize(
    ("number", "words"),
    [("0", ""), ("2", "an IOC order"), ("9", "a market order"), ("10", "reason 10")],
)
async def test_why_an_order_expired_is_told_in_words(desk, told, number, words):
    await told.gateway.start()
    await until(lambda: told.ups)
    await desk.push(filled(x="EXPIRED", X="EXPIRED", er=number))
    await until(lambda: told.of(OrderNews))
    reason = told.of(OrderNews)[0].reason
    assert words in reason
    assert bool(reason) == bool(words)


async def test_an_event_that_is_not_understood_asks_for_a_comparison(desk, told):
    await told.gateway.start()
    await until(lambda: told.ups)
    await desk.push(filled(S="SIDEWAYS"), {"e": "NEW_THING", "E": 1})
    await until(lambda: len(told.ups) == 3)
    assert "SIDEWAYS" in told.ups[1].reason


async def test_a_socket_that_does_not_tell_of_our_order_is_replaced(
    desk, told, monkeypatch
):
    monkeypatch.setattr(binance, "EVENT_SECONDS", 0.2)
    monkeypatch.setattr(binance, "LOOK_SECONDS", 0.05)
    await told.gateway.start()
    await until(lambda: told.ups)
    desk.on(PLACE, order("c-1"), order("c-2"))
    answer = asyncio.create_task(told.gateway.place(LIMIT))
    await desk.push(filled("c-1"))
    await answer
    await asyncio.sleep(0.5)
    assert len(desk.dials) == 1
    await told.gateway.place(NewOrder("c-2", "BTCUSDT", "BUY", "LIMIT", D(1), D(100)))
    await until(lambda: len(told.ups) == 2)
    down = next(news for news in told.of(StreamNews) if not news.up)
    assert "did not tell of order c-2" in down.reason
