import asyncio
import contextlib
import json

import aiohttp
import pytest
from aiohttp import WSMsgType

MARKET_STREAM = "btcusdt@kline_1m"
PUBLIC_STREAM = "btcusdt@bookTicker"


async def next_frame(socket, seconds=5):
    async with asyncio.timeout(seconds):
        return await socket.receive_json()


async def ask(socket, method, *params, number=1):
    """The answer to a control message; data frames on the way are dropped."""
    await socket.send_json({"method": method, "params": list(params), "id": number})
    async with asyncio.timeout(5):
        while True:
            frame = await socket.receive_json()
            if frame.get("id") == number and ("result" in frame or "error" in frame):
                return frame


async def is_silent(socket, seconds=1.2):
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await socket.receive() is None
    return True


async def until(condition, seconds=20):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the hub knows no events
            await asyncio.sleep(0.02)


async def end_of(socket, seconds=5):
    """The close code."""
    async with asyncio.timeout(seconds):
        while True:
            message = await socket.receive()
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
                return socket.close_code


async def test_a_raw_path_carries_bare_payloads(client):
    async with client.socket(f"/public/ws/{PUBLIC_STREAM}") as socket:
        frame = await next_frame(socket)
        assert frame["e"] == "bookTicker"
        assert frame["s"] == "BTCUSDT"


async def test_a_combined_path_wraps_with_the_name(client):
    names = f"{PUBLIC_STREAM}/ethusdt@bookTicker"
    async with client.socket(f"/public/stream?streams={names}") as socket:
        seen = {(await next_frame(socket))["stream"] for _ in range(20)}
        assert seen == set(names.split("/"))


async def test_the_envelope_can_be_switched(client):
    async with client.socket("/public/ws/anything") as socket:
        await ask(socket, "SUBSCRIBE", PUBLIC_STREAM)
        assert "e" in await next_frame(socket)
        await ask(socket, "SET_PROPERTY", "combined", True, number=2)
        assert (await next_frame(socket))["stream"] == PUBLIC_STREAM


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/public/ws", MARKET_STREAM),
        ("/market/ws", PUBLIC_STREAM),
        ("/private/ws", PUBLIC_STREAM),
        ("/ws", MARKET_STREAM),
        ("/stream", "!miniTicker@arr"),
        ("/public/ws", "BTCUSDT@bookTicker"),
        ("/public/ws", "nopeusdt@bookTicker"),
        ("/public/ws", "not a stream"),
        ("/market/ws", "!contractInfo"),
    ],
)
async def test_the_wrong_class_or_name_is_acknowledged_and_silent(client, path, name):
    async with client.socket(path) as socket:
        assert await ask(socket, "SUBSCRIBE", name) == {"result": None, "id": 1}
        assert await is_silent(socket)
        assert (await ask(socket, "LIST_SUBSCRIPTIONS", number=2))["result"] == [name]


@pytest.mark.parametrize("path", ["/ws", f"/ws/{PUBLIC_STREAM}", "/stream"])
async def test_a_legacy_path_still_carries_the_public_class(client, path):
    async with client.socket(path) as socket:
        await ask(socket, "SUBSCRIBE", PUBLIC_STREAM)
        frame = await next_frame(socket)
        assert frame.get("data", frame)["e"] == "bookTicker"


async def test_double_subscriptions_do_not_double_frames(client):
    async with client.socket(f"/public/stream?streams={PUBLIC_STREAM}") as socket:
        await ask(socket, "SUBSCRIBE", PUBLIC_STREAM)
        ids = [(await next_frame(socket))["data"]["u"] for _ in range(15)]
        assert len(set(ids)) == 15


async def test_unsubscribing_silences_the_stream(client):
    async with client.socket(f"/public/stream?streams={PUBLIC_STREAM}") as socket:
        await next_frame(socket)
        await ask(socket, "UNSUBSCRIBE", PUBLIC_STREAM)
        assert await is_silent(socket)


async def test_a_listen_key_path_is_accepted(client):
    paths = ("/private/ws?listenKey=abc&events=ORDER_TRADE_UPDATE", "/private/ws/abc")
    for path in paths:
        async with client.socket(path) as socket:
            reply = await ask(socket, "SUBSCRIBE", "abc")
            assert reply["result"] is None


async def test_pings_of_the_client_are_answered_with_their_payload(client):
    async with client.socket("/public/ws", autoping=False) as socket:
        await socket.ping(b"12345")
        message = await socket.receive(timeout=5)
        assert (message.type, message.data) == (WSMsgType.PONG, b"12345")


async def test_more_than_ten_messages_in_a_second_end_the_connection(client):
    async with client.socket("/public/ws") as socket:
        for number in range(11):
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
        async with asyncio.timeout(5):
            while (message := await socket.receive()).type is WSMsgType.TEXT:
                pass
        assert message.type is WSMsgType.CLOSE
        assert (message.data, message.extra) == (1008, "Too many requests")


async def test_pings_and_pongs_count_as_messages(client):
    async with client.socket("/public/ws", autoping=False) as socket:
        for _ in range(6):
            await socket.ping()
            await socket.pong()
        assert await end_of(socket) == 1008


async def test_ten_messages_in_a_second_are_fine(client):
    async with client.socket("/public/ws") as socket:
        for number in range(10):
            await ask(socket, "LIST_SUBSCRIPTIONS", number=number)
        assert await is_silent(socket)


async def test_the_server_pings_and_ends_those_who_stay_mute(start):
    async with start(ping_interval_seconds=0.3, pong_timeout_seconds=0.9) as client:
        async with client.socket("/public/ws", autoping=False) as mute:
            message = await mute.receive(timeout=3)
            assert message.type is WSMsgType.PING
            assert message.data.isdigit()
            assert await end_of(mute) == 1008
        async with client.socket("/public/ws") as polite:
            assert await is_silent(polite, 2.5)


async def test_life_ends_after_its_time(start):
    async with start(life_seconds=0.6) as client, client.socket("/public/ws") as socket:
        assert await end_of(socket) == 1001


async def test_too_many_streams_are_refused(start):
    async with start(stream_limit=3) as client, client.socket("/public/ws") as socket:
        names = [f"x{number}@trade" for number in range(4)]
        reply = await ask(socket, "SUBSCRIBE", *names)
        assert reply["error"]["code"] == 4


async def test_too_many_dials_are_refused_before_the_upgrade(start):
    async with start(dial_limit=2) as client:
        for _ in range(2):
            async with client.socket("/public/ws"):
                pass
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.socket("/public/ws")
        assert refused.value.status == 429
        assert int(refused.value.headers["Retry-After"]) > 0


async def test_a_socket_path_without_an_upgrade_is_a_bad_request(client):
    status, _, _ = await client.get("/public/ws")
    assert status == 400


async def test_compression_is_declined(client):
    async with client.socket("/public/ws", compress=15) as socket:
        assert not socket.compress


async def test_a_reader_that_never_reads_is_dropped(start):
    async with start(symbols=140, write_buffer_bytes=65_536) as client:
        hub = client.simulator.hub
        host, port = client.simulator.plain_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        names = "/".join(
            f"{symbol.lower}@depth20@100ms"
            for symbol in client.simulator.exchange.symbols
        )
        writer.write(
            f"GET /public/stream?streams={names} HTTP/1.1\r\nHost: x\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()
        await until(lambda: hub.slow_dropped)
        writer.transport.abort()
        await until(lambda: client.simulator.connections == 0)


@pytest.mark.parametrize("kind", ["rst", "fin", 1011, 1001])
async def test_connections_can_be_cut(client, kind):
    async with client.socket(f"/public/stream?streams={PUBLIC_STREAM}") as socket:
        await next_frame(socket)
        assert client.simulator.connections == 1
        assert client.simulator.drop_connections(kind) == 1
        expected = kind if isinstance(kind, int) else 1006
        assert await end_of(socket) == expected
    await until(lambda: client.simulator.connections == 0)


async def test_one_connection_of_several_can_be_cut(client):
    path = f"/public/stream?streams={PUBLIC_STREAM}"
    async with client.socket(path) as first, client.socket(path) as second:
        await next_frame(first)
        number = min(client.simulator.hub.connections)
        status, body = await client.post("/sim/cut", {"connection": number})
        assert (status, body) == (200, {"cut": 1})
        assert await end_of(first) == 1006
        assert "data" in await next_frame(second)


async def test_a_muted_stream_is_silent_while_others_speak(client):
    names = f"{PUBLIC_STREAM}/ethusdt@bookTicker"
    async with client.socket(f"/public/stream?streams={names}") as socket:
        client.simulator.mute(PUBLIC_STREAM)
        in_a_row = 0
        while in_a_row < 20:
            heard = (await next_frame(socket))["stream"]
            in_a_row = in_a_row + 1 if heard == "ethusdt@bookTicker" else 0
        client.simulator.unmute(PUBLIC_STREAM)
        async with asyncio.timeout(5):
            while (await socket.receive_json())["stream"] != PUBLIC_STREAM:
                pass


async def test_administration_is_on_the_plain_port_only(client):
    status, body = await client.post("/sim/regime", {"kind": "CRASH"})
    assert status == 200
    assert body["startTime"] > client.simulator.exchange.moment.time_ms
    status, body = await client.post("/sim/status", {})
    assert (status, body["regime"]) == (200, client.simulator.exchange.regime())
    status, body = await client.post("/sim/regime", {"kind": "NORMAL"})
    assert (status, body["code"]) == (400, -1100)
    assert (await client.get("/sim/status"))[0] == 404


async def test_the_plain_port_carries_the_same_streams(client):
    url = client.simulator.plain_ws_url + f"/public/ws/{PUBLIC_STREAM}"
    async with client.session.ws_connect(url) as socket:
        assert (await next_frame(socket))["s"] == "BTCUSDT"


async def test_broken_text_does_not_end_the_connection(client):
    async with client.socket("/public/ws") as socket:
        await socket.send_str("{oops")
        assert (await next_frame(socket))["error"]["code"] == 3
        await socket.send_bytes(
            json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 1}).encode()
        )
        assert await next_frame(socket) == {"result": [], "id": 1}


async def test_compression_is_accepted_when_asked_for(start):
    async with start(deflate=True) as client:
        path = f"/public/ws/{PUBLIC_STREAM}"
        async with client.socket(path, compress=15) as socket:
            assert socket.compress
            assert (await next_frame(socket))["e"] == "bookTicker"
