"""Lasting trouble on the way to a client."""

import asyncio
import time

import pytest
from aiohttp import WSMsgType

from market.simulator.faults.fault import Fault
from tests.market.simulator.faults.conftest import BOOK, ask, frame, frames_of, quiet


async def answered(socket, seconds=0.6):
    """Whether a ping brings a pong."""
    try:
        async with asyncio.timeout(seconds):
            await (await socket.ping())
    except TimeoutError:
        return False
    return True


async def test_a_black_hole_down_swallows_data_and_pongs(wire):
    async with wire.connect() as socket:
        await frame(socket)
        number = wire.arm("black_hole", direction="down")
        await asyncio.sleep(0.2)
        while not await quiet(socket, 0.3):
            pass
        assert not await answered(socket)
        wire.faults.disarm(number)
        await frame(socket)


async def test_a_black_hole_up_swallows_what_the_client_says(wire):
    async with wire.connect() as socket:
        await frame(socket)
        number = wire.arm("black_hole", direction="up")
        assert not await answered(socket)
        await frame(socket)
        wire.faults.disarm(number)
        assert await answered(socket, 3)


async def test_a_black_hole_takes_connections_that_come_later(wire):
    wire.arm("black_hole")
    async with wire.connect() as socket:
        assert not await answered(socket)


async def test_held_frames_come_late_in_order_and_none_is_missing(wire):
    async with wire.connect("btcusdt@trade") as socket:
        (first,) = await frames_of(socket, 1)
        wire.arm("backlog", seconds=1.0)
        start = time.monotonic()
        trades = [first, *await frames_of(socket, 8)]
        assert time.monotonic() - start > 0.9
        ids = [trade["t"] for trade in trades if trade["X"] == "MARKET"]
        assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_a_delay_moves_everything(wire):
    async with wire.connect() as socket:
        await frame(socket)
        wire.arm("delay", seconds=0.4, jitter_seconds=0.1)
        start = time.monotonic()
        await ask(socket, "LIST_SUBSCRIPTIONS")
        assert time.monotonic() - start > 0.35


async def test_a_throttled_connection_trickles(wire):
    async with wire.connect("btcusdt@depth20@100ms") as socket:
        await frame(socket)
        number = wire.arm("throttle", bytes_per_second=4000)
        await asyncio.sleep(0.5)
        start, size = time.monotonic(), 0
        while time.monotonic() - start < 1.5:
            size += len(await socket.recv())
        assert size < 9000
        wire.faults.disarm(number)


async def test_pings_stay_unanswered_while_data_flows(wire):
    async with wire.connect() as socket:
        number = wire.arm("no_pong")
        await frame(socket)
        assert not await answered(socket)
        await frame(socket)
        wire.faults.disarm(number)
        assert await answered(socket, 3)


async def test_the_server_can_stop_pinging(start):
    async with start(ping_interval_seconds=0.2) as client:
        async with client.socket("/public/ws", autoping=False) as socket:
            assert (await socket.receive(timeout=3)).type is WSMsgType.PING
        client.simulator.faults.arm(Fault(kind="no_ping"))
        async with client.socket("/public/ws", autoping=False) as socket:
            with pytest.raises(TimeoutError):
                await socket.receive(timeout=0.8)


async def test_trouble_ends_by_itself(wire):
    async with wire.connect() as socket:
        wire.arm("black_hole", direction="down", **{"for": 0.3})
        await asyncio.sleep(0.5)
        await frames_of(socket, 3, BOOK)
        (entry,) = wire.faults.listing()
        assert (entry["active"], entry["hits"]) == (False, 1)
