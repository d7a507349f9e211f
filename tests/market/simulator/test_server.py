import contextlib
import socket
import time

import pytest

from market.simulator.config import SimulatorSettings
from market.simulator.errors import SimulatorError
from market.simulator.server import running_simulator


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "example.org"])
async def test_it_listens_on_loopback_only(tmp_path, host):
    settings = SimulatorSettings(symbols=1, host=host)
    with pytest.raises(SimulatorError, match="loopback only"):
        async with running_simulator(settings, tmp_path):
            pass


async def test_a_used_port_is_an_error_that_names_it(tmp_path):
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = SimulatorSettings(symbols=1, port=port)
        with pytest.raises(SimulatorError, match=f"127.0.0.1:{port}"):
            async with running_simulator(settings, tmp_path):
                pass


async def test_it_comes_back_at_the_same_ports_with_the_same_ca(start):
    async with start() as client:
        ports = client.simulator.addresses
        authority = client.simulator.ca_path.read_bytes()
        socket = await client.socket("/public/ws/btcusdt@bookTicker")
        await socket.receive_json()
    async with start(port=ports.port, plain_port=ports.plain_port) as client:
        assert client.simulator.addresses == ports
        assert client.simulator.ca_path.read_bytes() == authority
        assert (await client.get("/fapi/v1/ping"))[0] == 200


async def test_stopping_with_open_connections_is_quick(start):
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(start())
        for _ in range(20):
            await client.socket("/public/ws/btcusdt@bookTicker")
        began = time.monotonic()
    # A second for the goodbyes; the rest is room for a busy machine.
    assert time.monotonic() - began < 5
