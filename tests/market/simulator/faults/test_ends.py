"""How connections end under a fault, as the websockets library sees it."""

import asyncio
import contextlib
import ssl
import time

import pytest
import websockets

from tests.market.simulator.faults.conftest import BOOK, ask, end_of, frame, quiet


@pytest.mark.parametrize("kind", ["tls_flip", "tls_duplicate", "tls_drop"])
async def test_a_damaged_record_breaks_the_tls_session(wire, kind):
    async with wire.connect() as socket:
        await frame(socket)
        number = wire.arm(kind)
        error = await end_of(socket)
        assert isinstance(error.__cause__, ssl.SSLError)
        assert "BAD_RECORD_MAC" in str(error.__cause__)
        assert wire.faults.hits(number) == 1
    async with wire.connect() as socket:
        await frame(socket)


async def test_a_reset_is_seen_as_one(wire):
    async with wire.connect() as socket:
        await frame(socket)
        wire.arm("rst")
        error = await end_of(socket)
        assert isinstance(error.__cause__, ConnectionResetError)


@pytest.mark.parametrize("options", [{"kind": "fin"}, {"kind": "close", "code": 1006}])
async def test_an_end_without_close_frame_is_abnormal(wire, options):
    async with wire.connect() as socket:
        await frame(socket)
        wire.arm(**options)
        error = await end_of(socket)
        assert error.rcvd is None


async def test_a_frame_can_end_in_the_middle(wire):
    async with wire.connect() as socket:
        await frame(socket)
        wire.arm("half_frame")
        error = await end_of(socket)
        assert error.rcvd is None
        assert isinstance(error.__cause__, EOFError)


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012])
async def test_close_codes_come_as_asked(wire, code):
    async with wire.connect() as socket:
        await frame(socket)
        wire.arm("close", code=code, text="so be it")
        error = await end_of(socket)
        assert (error.rcvd.code, error.rcvd.reason) == (code, "so be it")


async def test_only_the_chosen_route_is_struck(wire):
    async with (
        wire.connect() as public,
        wire.connect("ethusdt@kline_1m", route="market"),
    ):
        number = wire.arm("rst", route="market")
        await asyncio.sleep(0.2)
        assert wire.faults.hits(number) == 1
        await frame(public)
        assert wire.simulator.connections == 1


async def test_only_the_carrier_of_the_chosen_stream_is_struck(wire):
    async with wire.connect() as first, wire.connect("ethusdt@bookTicker") as second:
        wire.arm("close", stream="eth*", code=1011)
        assert (await end_of(second)).rcvd.code == 1011
        await frame(first)


async def test_only_the_chosen_connection_is_struck(wire):
    async with wire.connect() as first, wire.connect() as second:
        await frame(second)
        number = max(wire.simulator.hub.connections)
        wire.arm("rst", connection=number)
        await end_of(second)
        await frame(first)


async def test_later_connections_are_safe_from_an_event_without_count(wire):
    wire.arm("rst")
    async with wire.connect() as socket:
        await frame(socket)


async def test_a_count_strikes_later_connections_too(wire):
    number = wire.arm("rst", count=2)
    for _ in range(2):
        async with wire.connect() as socket:
            await end_of(socket)
    async with wire.connect() as socket:
        await frame(socket)
    assert wire.faults.hits(number) == 2


async def test_the_nth_message_can_be_the_last(wire):
    wire.arm("rst", stream=BOOK, nth=5)
    async with wire.connect() as socket:
        seen = 0
        with contextlib.suppress(websockets.ConnectionClosedError):
            while seen < 5:
                await frame(socket)
                seen += 1
        assert seen <= 4


async def test_server_shutdown_is_announced_before_the_close(wire):
    async with wire.connect() as socket:
        await frame(socket)
        wire.arm("server_shutdown", seconds=0.3)
        start = time.monotonic()
        while (message := await frame(socket))["stream"] != "!serverShutdown":
            pass
        assert message["data"]["e"] == "serverShutdown"
        assert (await end_of(socket)).rcvd.code == 1001
        assert time.monotonic() - start >= 0.25


@pytest.mark.parametrize(
    ("shape", "path"),
    [("raw", ()), ("combined", ("data",)), ("event", ("event",))],
)
async def test_server_shutdown_has_three_shapes(wire, shape, path):
    async with wire.connect("nonsense@bookTicker") as socket:
        await asyncio.sleep(0.1)
        wire.arm("server_shutdown", shape=shape, seconds=0)
        message = await frame(socket)
        for key in path:
            message = message[key]
        assert message["e"] == "serverShutdown"
        assert await quiet(socket, 0.3)


async def test_a_life_ends_at_its_age(wire):
    async with wire.connect() as socket:
        start = time.monotonic()
        wire.arm("life", seconds=0.5, **{"for": 5})
        assert (await end_of(socket)).rcvd.code == 1001
        assert time.monotonic() - start > 0.3


async def test_a_forgotten_stream_is_missing_from_the_list(wire):
    async with wire.connect(BOOK, "ethusdt@bookTicker") as socket:
        await frame(socket)
        number = wire.arm("forget_stream", stream=BOOK)
        assert wire.faults.hits(number) == 1
        assert await ask(socket, "LIST_SUBSCRIPTIONS") == ["ethusdt@bookTicker"]
        await ask(socket, "SUBSCRIBE", BOOK)
        while (await frame(socket)).get("stream") != BOOK:
            pass
