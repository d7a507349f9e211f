"""The user data stream and what can go wrong with it."""

import asyncio
import json

import aiohttp
import pytest

from market.simulator.accounts.listening import KEY_LIFE_MS
from tests.market.simulator.accounts.conftest import trader_of

KEY = "/fapi/v1/listenKey"
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


async def test_a_market_fill_is_told_in_the_recorded_order(trader):
    async with trader.listening() as socket:
        await trader.place(quantity="0.01")
        heard = await trader.hear(socket, "TRADE")
    assert [one["e"] for one in heard] == [
        "TRADE_LITE",
        "ORDER_TRADE_UPDATE",
        "ACCOUNT_UPDATE",
        "ORDER_TRADE_UPDATE",
    ]
    assert [one["o"]["x"] for one in heard if one["e"] == "ORDER_TRADE_UPDATE"] == [
        "NEW",
        "TRADE",
    ]
    assert len({one["T"] for one in heard}) == 1
    assert heard[-1]["o"]["X"] == "FILLED"
    assert heard[0]["l"] == "0.010"
    assert heard[-1]["o"]["l"] == "0.01"


@pytest.mark.parametrize(
    "path",
    [
        "/private/ws?listenKey={key}&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE",
        "/private/ws/{key}",
        "/private/stream?listenKey={key}",
        "/ws/{key}",
    ],
)
async def test_every_known_form_of_the_address_hears_the_account(trader, path):
    async with trader.listening(path) as socket:
        await trader.place(quantity="0.01")
        heard = await trader.hear(socket, "TRADE")
    assert ("TRADE_LITE" in [one["e"] for one in heard]) == ("events" not in path)


@pytest.mark.parametrize(
    ("path", "hears"),
    [
        ("/private/ws?listenKey={key}&events=ORDER_TRADE_UPDATE", True),
        ("/private/ws?listenKey={key}", False),
        ("/private/ws/{key}?events=ORDER_TRADE_UPDATE", False),
    ],
)
async def test_a_strict_exchange_wants_key_and_events_in_the_address(
    start, path, hears
):
    async with start(strict_private=True) as client:
        trader = trader_of(client)
        async with trader.listening(path) as socket:
            await trader.place(quantity="0.01")
            if hears:
                assert await trader.hear(socket, "TRADE")
            else:
                with pytest.raises((asyncio.TimeoutError, TypeError)):
                    await trader.hear(socket, "TRADE", seconds=0.3)


async def test_a_key_can_be_subscribed_but_not_on_the_market_class(trader):
    key = (await trader.ok("POST", KEY, signed=False))["listenKey"]
    ask = json.dumps({"method": "SUBSCRIBE", "params": [key], "id": 1})
    private = trader.client.socket("/private/stream")
    market = trader.client.socket("/market/stream")
    async with private as heard, market as deaf:
        for socket in (heard, deaf):
            await socket.send_str(ask)
            assert json.loads((await socket.receive()).data)["result"] is None
        await trader.place(quantity="0.01")
        assert await trader.hear(heard, "TRADE")
        with pytest.raises((asyncio.TimeoutError, TypeError)):
            await trader.hear(deaf, "TRADE", seconds=0.2)


async def test_a_key_lives_until_it_is_closed_or_its_hour_is_over(trader, side):
    assert await trader.code("PUT", KEY, signed=False) == -1125
    key = (await trader.ok("POST", KEY, signed=False))["listenKey"]
    assert (await trader.ok("POST", KEY, signed=False))["listenKey"] == key
    assert (await trader.ok("PUT", KEY, signed=False))["listenKey"] == key
    await trader.ok("DELETE", KEY, signed=False)
    assert await trader.code("DELETE", KEY, signed=False) == -1125
    async with trader.listening() as socket:
        assert trader.account.listen_key != key
        trader.account.listen_until_ms -= KEY_LIFE_MS + 1
        side.step()
        (notice,) = await trader.hear(socket, "listenKeyExpired")
        assert notice["listenKey"]
    assert await trader.code("PUT", KEY, signed=False) == -1125


async def arm(client, **fault):
    status, body = await client.post("/sim/faults", fault)
    assert status == 200, body


async def test_a_key_that_another_program_deletes_leaves_the_socket_mute(trader):
    async with trader.listening() as socket:
        await arm(trader.client, kind="listen_key", shape="deleted")
        await trader.place(quantity="0.01")
        with pytest.raises((asyncio.TimeoutError, TypeError)):
            await trader.hear(socket, "TRADE", seconds=0.3)
        assert not socket.closed
    assert await trader.code("PUT", KEY, signed=False) == -1125


@pytest.mark.parametrize(
    ("shape", "kinds"),
    [
        ("duplicate", ["TRADE_LITE"] * 2 + ["NEW"] * 2 + ["ACCOUNT_UPDATE"] * 2),
        ("drop", []),
    ],
)
async def test_events_come_twice_or_never(trader, shape, kinds):
    async with trader.listening() as socket:
        await arm(trader.client, kind="user_event", shape=shape, count=3)
        await trader.place(quantity="0.01")
        heard = await trader.hear(socket, "TRADE")
    assert [_kind(one) for one in heard] == [*kinds, "TRADE"]


async def test_shuffled_events_come_behind_the_one_that_follows(trader):
    async with trader.listening() as socket:
        await arm(trader.client, kind="user_event", shape="shuffle", count=1)
        await trader.place(quantity="0.01")
        heard = await trader.hear(socket, "TRADE")
    assert [_kind(one) for one in heard] == [
        "NEW",
        "TRADE_LITE",
        "ACCOUNT_UPDATE",
        "TRADE",
    ]


async def test_late_events_follow_the_answer(trader):
    async with trader.listening() as socket:
        await arm(trader.client, kind="user_event", shape="late", seconds=0.3)
        await trader.place(quantity="0.01")
        with pytest.raises(asyncio.TimeoutError):
            await socket.receive(timeout=0.1)
        assert await trader.hear(socket, "TRADE")


@pytest.mark.parametrize(
    "answer", ["executed_unknown", "executed_lost", "executed_late"]
)
async def test_an_order_is_executed_though_its_answer_does_not_say_so(trader, answer):
    path = "/fapi/v1/order"
    await arm(
        trader.client, kind="rest", answer=answer, path=path, count=1, seconds=0.2
    )
    given = {**MARKET, "newClientOrderId": "once"}
    if answer == "executed_lost":
        with pytest.raises(aiohttp.ClientError):
            await trader.ask("POST", path, **given)
    elif answer == "executed_unknown":
        assert await trader.code("POST", path, **given) == -1007
    else:
        await trader.ok("POST", path, **given)
    told = await trader.ok("GET", path, symbol="BTCUSDT", origClientOrderId="once")
    assert told["status"] == "FILLED"
    assert len(trader.account.orders) == 1


def _kind(event):
    order = event.get("o")
    return order["x"] if isinstance(order, dict) else event["e"]


async def test_accounts_are_opened_over_the_control_port_and_listed_without_secret(
    client,
):
    status, made = await client.post("/sim/accounts", {"name": "a", "balance": "500"})
    assert status == 200
    assert len(made["secret"]) == 64
    async with client.session.get(
        client.simulator.plain_url + "/sim/accounts"
    ) as found:
        (row,) = (await found.json())["accounts"]
    assert (row["name"], row["wallet"]) == ("a", "500")
    assert made["secret"] not in str(row)
    status, refused = await client.post("/sim/accounts", {"balance": "-1"})
    assert (status, refused["code"]) == (400, -1100)
    status, refused = await client.post("/sim/accounts", {"colour": "red"})
    assert status == 400
