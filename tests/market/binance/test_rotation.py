"""Connections are replaced before their end: nothing lost, one at a time."""

import asyncio
import contextlib
import itertools
import json
import random

import pytest
from websockets.exceptions import ConnectionClosed

from core.clock import SystemClock
from market.binance.client import BinanceWebSocketClient
from market.binance.config import WsSettings
from market.binance.urls import Endpoints
from tests.market.binance.exchange import exchange
from tests.waiting import until

STREAMS = ["btcusdt@aggTrade", "ethusdt@aggTrade"]


class Tape:
    """A server that sends the same numbered trades on every open connection."""

    def __init__(self):
        self.open = set()
        self.muted = set()
        self.most_open = 0
        self.dials = 0
        self.mute_from_dial = None
        self.sent = itertools.count(1)
        self.newest = 0

    async def __call__(self, connection):
        self.dials += 1
        mute = self.mute_from_dial is not None and self.dials >= self.mute_from_dial
        (self.muted if mute else self.open).add(connection)
        self.most_open = max(self.most_open, len(connection.server.connections))
        try:
            async for text in connection:
                request = json.loads(text)
                await connection.send(json.dumps({"result": None, "id": request["id"]}))
        finally:
            self.open.discard(connection)

    async def run(self):
        while True:
            self.newest = next(self.sent)
            for connection in list(self.open):
                for stream in STREAMS:
                    frame = {"stream": stream, "data": {"n": self.newest}}
                    # One that is closing hears no more.
                    with contextlib.suppress(ConnectionClosed):
                        await connection.send(json.dumps(frame).replace(": ", ":"))
            await asyncio.sleep(0.005)


@pytest.fixture
async def tape():
    tape = Tape()
    job = asyncio.create_task(tape.run())
    yield tape
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)


def client_of(server, tmp_path, heard, events, **settings):
    path = tmp_path / "ca.pem"
    server.authority.cert_pem.write_to_path(path)
    config = WsSettings(ca_file=str(path), close_timeout=0.5, **settings)
    return BinanceWebSocketClient(
        STREAMS,
        where=Endpoints("", server.stream),
        config=config,
        deliver=lambda name, kind, raw, ms: heard.append((name, raw)),
        report=events.append,
        clock=SystemClock(),
        rng=random.Random(1),
    )


def rotated(events):
    return [event for event in events if event.kind == "rotated"]


@pytest.mark.parametrize("transport", ["websockets", "picows"])
async def test_a_planned_rotation_loses_no_message(tape, tmp_path, transport):
    heard, events = [], []
    async with exchange(tape) as server:
        client = client_of(
            server, tmp_path, heard, events, transport=transport, rotate_after=0.5
        )
        await client.start_websocket()
        connection = client.connections["market-1"]
        await until(lambda: connection.rotations >= 3)
        await client.stop_websocket()
    for stream in STREAMS:
        numbers = {
            json.loads(raw)["data"]["n"]
            for name, raw in heard
            if name == stream.encode()
        }
        assert numbers == set(range(min(numbers), max(numbers) + 1))
    assert len(rotated(events)) >= 3
    assert connection.reconnector.total == 0
    assert tape.most_open == 2


async def test_a_shutdown_notice_rotates_at_once(tape, tmp_path):
    heard, events = [], []
    async with exchange(tape) as server:
        client = client_of(server, tmp_path, heard, events)
        await client.start_websocket()
        await until(lambda: heard)
        for connection in list(tape.open):
            await connection.send('{"e":"serverShutdown","E":1790000000000}')
        await until(lambda: rotated(events))
        await client.stop_websocket()
    assert "announced a shutdown" in rotated(events)[0].reason


async def test_a_link_that_ends_before_it_is_covered_leaves_its_place_to_the_successor(
    tape, tmp_path
):
    heard, events = [], []
    tape.mute_from_dial = 2
    async with exchange(tape) as server:
        client = client_of(server, tmp_path, heard, events)
        await client.start_websocket()
        connection = client.connections["market-1"]
        await until(lambda: heard)
        (old,) = tape.open
        await old.send('{"e":"serverShutdown","E":1790000000000}')
        await until(lambda: connection._next is not None)
        await old.close(1001)
        await until(lambda: connection.rotations == 1)
        tape.open |= tape.muted
        before = len(heard)
        await until(lambda: len(heard) > before)
        await client.stop_websocket()
    assert tape.dials == 2
    assert len(rotated(events)) == 1
    assert not [event for event in events if event.kind == "disconnected"]


async def test_a_successor_that_stays_silent_does_not_replace_the_link(tape, tmp_path):
    heard, events = [], []
    tape.mute_from_dial = 2
    async with exchange(tape) as server:
        client = client_of(server, tmp_path, heard, events, rotate_after=0.3)
        await client.start_websocket()
        await until(lambda: tape.dials >= 2)
        before = tape.newest
        await until(lambda: tape.newest > before + 100)
        connection = client.connections["market-1"]
        assert not rotated(events)
        assert connection.state == "live"
        await client.stop_websocket()
    newest = max(json.loads(raw)["data"]["n"] for _, raw in heard)
    assert newest > before + 90


async def test_stopping_in_the_middle_of_a_rotation_leaves_no_socket(tape, tmp_path):
    heard, events = [], []
    tape.mute_from_dial = 2
    async with exchange(tape) as server:
        client = client_of(server, tmp_path, heard, events, rotate_after=0.2)
        await client.start_websocket()
        await until(lambda: tape.dials >= 2)
        await client.stop_websocket()
        await until(lambda: not tape.open)


async def test_streams_wanted_during_a_dial_are_subscribed_on_it(tmp_path):
    asked, may_answer = [], asyncio.Event()

    async def listening(connection):
        async for text in connection:
            asked.append(json.loads(text))  # noqa: PERF401 - read while it grows

    async def hesitating(connection, request):
        await may_answer.wait()

    async with exchange(listening, process_request=hesitating) as server:
        client = client_of(server, tmp_path, [], [])
        await client.start_websocket()
        await until(lambda: client.gate.dials == 1)
        client.subscribe(["solusdt@aggTrade"])
        may_answer.set()
        await until(lambda: asked)
        await client.stop_websocket()
    assert asked[0]["params"] == [*STREAMS, "solusdt@aggTrade"]


async def test_many_streams_are_subscribed_with_one_message(tape, tmp_path):
    heard, events = [], []
    more = [f"s{number}usdt@aggTrade" for number in range(60)]
    async with exchange(tape) as server:
        client = client_of(server, tmp_path, heard, events)
        await client.start_websocket()
        await until(lambda: heard)
        client.subscribe(more)
        session = client.connections["market-1"].session
        await until(
            lambda: all(
                session.streams[name.encode()].acknowledged_at for name in more
            ),
            seconds=2.0,
        )
        await client.stop_websocket()
