"""Private requests as they go over a real connection, and answers of every kind."""

import asyncio
from decimal import Decimal

import pytest

from market.binance import signed
from market.binance.order_errors import Action
from market.binance.private_rest import PrivateRest
from market.binance.private_schemas import ItemError, OrderBody
from market.binance.rest_errors import (
    RestBanned,
    RestError,
    RestRefused,
    RestUnavailable,
)
from market.binance.signed import OrdersThrottled, action_of
from tests.market.binance.desk import (
    KEY,
    SECRET,
    Lost,
    caller_of,
    open_desk,
    order,
    refusal,
)

PLACE = "POST /fapi/v1/order"
NEW = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "newClientOrderId": "c-1"}


@pytest.fixture
async def desk():
    async with open_desk() as desk:
        yield desk


@pytest.fixture
async def private(desk):
    async with caller_of(desk, order_seconds=0.3) as caller:
        yield PrivateRest(caller)


async def refused(job):
    with pytest.raises(RestError) as error:
        await job
    return error.value


async def test_an_order_goes_signed_in_the_body_and_comes_back_exact(desk, private):
    desk.on(PLACE, order(executedQty="0.10000000", avgPrice="99.90"))
    body = await private.place(
        {**NEW, "quantity": Decimal("0.0000001"), "reduceOnly": True}
    )
    (asked,) = desk.of(PLACE)
    assert asked.headers["X-MBX-APIKEY"] == KEY
    assert asked.params["quantity"] == "0.0000001"
    assert asked.params["reduceOnly"] == "true"
    assert asked.params["recvWindow"] == "5000"
    assert body.executed_qty == Decimal("0.1")
    assert body.avg_price == Decimal("99.90")
    assert body.client_order_id == "c-1"


async def test_what_newer_servers_leave_out_is_not_told(desk, private):
    desk.on(PLACE, order())
    assert (await private.place(NEW)).avg_price is None


@pytest.mark.parametrize("symbol", ["BTCUSDT", "币安人生USDT"])
async def test_a_query_is_sent_as_it_was_signed(desk, private, symbol):
    desk.on("GET /fapi/v1/order", order(symbol=symbol))
    assert (await private.order(symbol, "a:b/c-1")).symbol == symbol
    assert desk.asked[-1].params["origClientOrderId"] == "a:b/c-1"


async def test_a_batch_tells_of_each_order_by_itself(desk, private):
    desk.on(
        "POST /fapi/v1/batchOrders",
        [order("c-1"), {"code": -2019, "msg": "Margin is insufficient."}],
    )
    first, second = await private.place_many([NEW, {**NEW, "newClientOrderId": "c-2"}])
    assert isinstance(first, OrderBody)
    assert second == ItemError(-2019, "Margin is insufficient.")
    with pytest.raises(ValueError, match="1 to 5"):
        await private.place_many([NEW] * 6)


async def test_the_listen_key_is_asked_for_without_a_signature(desk, private):
    desk.on("POST /fapi/v1/listenKey", {"listenKey": "k" * 64})
    desk.on("PUT /fapi/v1/listenKey", refusal(-1125, "This listenKey does not exist."))
    assert await private.open_listen_key() == "k" * 64
    assert "signature" not in desk.asked[-1].params
    assert desk.asked[-1].headers["X-MBX-APIKEY"] == KEY
    error = await refused(private.keep_listen_key())
    assert action_of(error) is Action.NEW_STREAM


@pytest.mark.parametrize(
    "answer", [Lost, "<html>", "", '{"symbol": "BTCUSDT"', {"no": 1}]
)
async def test_an_answer_that_is_lost_or_unreadable_asks_for_a_query(
    desk, private, answer
):
    desk.on(PLACE, answer)
    error = await refused(private.place(NEW))
    assert error.sent
    assert action_of(error) is Action.QUERY
    assert len(desk.of(PLACE)) == 1


async def test_an_answer_that_does_not_come_in_time_asks_for_a_query(desk, private):
    async def never(_):
        await asyncio.sleep(5)

    desk.on(PLACE, lambda params: never(params))
    error = await refused(private.place(NEW))
    assert (error.status, action_of(error)) == (0, Action.QUERY)


async def test_nobody_listening_means_that_nothing_was_sent(desk, unused_tcp_port):
    desk.url, good = f"http://127.0.0.1:{unused_tcp_port}", desk.url
    with pytest.raises(RestUnavailable) as error:
        async with caller_of(desk):
            raise AssertionError("nobody listens there")
    desk.url = good
    assert not error.value.sent
    assert action_of(error.value) is Action.BACK_OFF


async def test_only_what_was_certainly_not_executed_is_sent_again(
    desk, private, monkeypatch
):
    monkeypatch.setattr(signed, "PAUSES", (0.01, 0.02, 0.04))
    desk.on(
        PLACE, (503, "Service Unavailable."), (503, "Service Unavailable."), order()
    )
    assert (await private.place(NEW)).order_id == 71
    assert len(desk.of(PLACE)) == 3
    unknown = refusal(-1000, "Unknown error, please check your request", 503)
    desk.on(PLACE, unknown)
    assert action_of(await refused(private.place(NEW))) is Action.QUERY
    assert len(desk.of(PLACE)) == 4


@pytest.mark.parametrize("code", [-1021, -5028])
async def test_a_timestamp_outside_the_window_is_measured_and_signed_again_once(
    desk, private, code
):
    desk.on(PLACE, refusal(code), order())
    desk.ahead_ms = 7_000  # the exchange's clock was set since it was asked
    await private.place(NEW)
    first, second = desk.of(PLACE)
    later = int(second.params["timestamp"]) - int(first.params["timestamp"])
    assert 6_000 < later < 15_000
    assert first.params["signature"] != second.params["signature"]
    desk.on(PLACE, refusal(code))
    assert action_of(await refused(private.place(NEW))) is Action.RESYNC
    assert len(desk.of(PLACE)) == 4


async def test_a_back_off_says_for_how_long_and_holds_the_next_orders(desk, private):
    desk.headers = {"Retry-After": "120"}
    desk.on(PLACE, refusal(-1003, "Too many requests", 429))
    error = await refused(private.place(NEW))
    assert (action_of(error), error.retry_after) == (Action.BACK_OFF, 120)
    held = await refused(private.cancel("BTCUSDT", "c-1"))
    assert not held.sent
    assert held.retry_after == pytest.approx(120, abs=1)
    assert len(desk.asked) == 4  # three times the time, one order


async def test_a_ban_is_told_from_a_back_off(desk, private):
    desk.on(PLACE, refusal(-1003, "IP banned until 1999999999999.", 418))
    assert isinstance(await refused(private.place(NEW)), RestBanned)
    assert isinstance(await refused(private.place(NEW)), RestBanned)
    assert len(desk.of(PLACE)) == 1


async def test_orders_beyond_the_accounts_limit_are_not_sent(desk, private):
    desk.headers = {"X-MBX-ORDER-COUNT-10S": "299", "X-MBX-ORDER-COUNT-1M": "299"}
    desk.on(PLACE, order())
    await private.place(NEW)
    await private.place(NEW)
    with pytest.raises(OrdersThrottled) as error:
        await private.place(NEW)
    assert action_of(error.value) is Action.BACK_OFF
    assert 0 < error.value.retry_after <= 10
    desk.on("DELETE /fapi/v1/order", order(status="CANCELED"))
    assert (await private.cancel("BTCUSDT", "c-1")).status == "CANCELED"


async def test_no_error_tells_the_key_the_signature_or_an_address(desk, private):
    errors = []
    for answer in (Lost, "<html>", refusal(-1022), (503, "x"), (500, "")):
        desk.on("GET /fapi/v3/balance", answer)
        errors.append(await refused(private.balances()))
    text = " ".join(f"{error} {error.reason} {error!r}" for error in errors)
    for secret in (KEY, SECRET, "signature=", "timestamp="):
        assert secret not in text


async def test_a_wrong_secret_is_a_matter_of_credentials(desk, private, monkeypatch):
    monkeypatch.setattr("tests.market.binance.desk.SECRET", "another")
    error = await refused(private.balances())
    assert isinstance(error, RestRefused)
    assert action_of(error) is Action.CREDENTIALS


async def test_amounts_that_are_not_finite_are_no_answer(desk, private):
    row = {"asset": "USDT", "balance": "NaN", "availableBalance": "1"}
    desk.on("GET /fapi/v3/balance", [row])
    assert action_of(await refused(private.balances())) is Action.QUERY
