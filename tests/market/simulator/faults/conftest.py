"""Third-party clients that see the faults: aiohttp for REST, websockets for streams."""

import asyncio
import contextlib
import json
import ssl

import pytest
import uvloop
import websockets
from websockets.asyncio.client import connect

from market.simulator.faults.fault import Fault

BOOK = "btcusdt@bookTicker"


def pytest_asyncio_loop_factories(config, item):
    """The loop that the product runs on."""
    return {"uvloop": uvloop.new_event_loop}


class Wire:
    """The simulator, faults to arm and sockets to open."""

    def __init__(self, client):
        self.client = client
        self.simulator = client.simulator
        self.faults = client.simulator.faults
        self.context = ssl.create_default_context(cafile=str(self.simulator.ca_path))

    def arm(self, kind, **options):
        return self.faults.arm(Fault(kind=kind, **options))

    def connect(self, *names, route="public", **options):
        path = f"/{route}/stream?streams={'/'.join(names or (BOOK,))}"
        options = {"ssl": self.context, "ping_interval": None, **options}
        return connect(self.simulator.ws_url + path, close_timeout=0.5, **options)


@pytest.fixture
def wire(client):
    return Wire(client)


async def frame(socket, seconds=5):
    async with asyncio.timeout(seconds):
        return json.loads(await socket.recv())


async def frames_of(socket, count, stream=None, seconds=8):
    """Payloads of the next messages, of one stream when it is named."""
    found = []
    async with asyncio.timeout(seconds):
        while len(found) < count:
            message = json.loads(await socket.recv())
            if "data" in message and stream in (None, message["stream"]):
                found.append(message["data"])
    return found


async def end_of(socket, seconds=5):
    """The exception that the end of the stream brought."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                await socket.recv()
    except websockets.ConnectionClosed as error:
        return error


async def quiet(socket, seconds=0.8):
    """Whether nothing comes."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await socket.recv()
            return False
    return True


async def ask(socket, method, *params):
    await socket.send(json.dumps({"method": method, "params": list(params), "id": 99}))
    async with asyncio.timeout(5):
        while True:
            answer = json.loads(await socket.recv())
            if answer.get("id") == 99:
                return answer["result"]
