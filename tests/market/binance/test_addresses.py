"""The addresses of a host: side by side, each with a head start."""

import asyncio
import socket
import ssl
import time

import pytest
import uvloop

from market.binance import addresses
from market.binance.config import WsSettings
from market.binance.failures import WebSocketErrorType, classify_error
from market.binance.sockets import dialer
from tests.deaf import address_info, deaf_address
from tests.market.binance.exchange import exchange


def pytest_asyncio_loop_factories(config, item):
    """The loop that the product runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def port():
    async def hold(reader, writer):
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def resolve_to(monkeypatch, *places):
    async def resolve(host, port):
        return [address_info(*place) for place in places]

    monkeypatch.setattr(addresses, "resolve", resolve)


async def test_the_head_start_of_an_address_that_hangs_is_all_it_costs(
    port, monkeypatch
):
    with deaf_address() as first, deaf_address() as second:
        resolve_to(monkeypatch, first, second, ("127.0.0.1", port))
        start = time.monotonic()
        with await addresses.connected("wss://exchange.example/stream") as made:
            took = time.monotonic() - start
            assert made.getpeername()[1] == port
    # Waiting for such an address itself takes minutes.
    assert 2 * addresses.HEAD_START_SECONDS <= took < 5


async def test_an_address_that_refuses_costs_nothing(port, monkeypatch):
    monkeypatch.setattr(addresses, "HEAD_START_SECONDS", 10.0)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        resolve_to(monkeypatch, closed.getsockname(), ("127.0.0.1", port))
        start = time.monotonic()
        with await addresses.connected("wss://exchange.example/stream") as made:
            assert made.getpeername()[1] == port
        assert time.monotonic() - start < addresses.HEAD_START_SECONDS


async def test_when_all_refuse_it_is_a_network_error(monkeypatch):
    with socket.socket() as closed, socket.socket() as other:
        closed.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        resolve_to(monkeypatch, closed.getsockname(), other.getsockname())
        with pytest.raises(OSError) as caught:  # noqa: PT011  any of its kinds
            await addresses.connected("wss://exchange.example/stream")
    assert classify_error(caught.value) is WebSocketErrorType.NETWORK


async def test_small_frames_do_not_wait_for_each_other(port):
    with await addresses.connected(f"ws://localhost:{port}/ws") as made:
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    ("url", "port"), [("wss://localhost/ws", 443), ("ws://localhost/ws", 80)]
)
async def test_the_scheme_says_which_port_is_meant(monkeypatch, url, port):
    asked = []

    async def resolve(*what):
        asked.append(what)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(addresses, "resolve", resolve)
    with pytest.raises(socket.gaierror):
        await addresses.connected(url)
    assert asked == [("localhost", port)]


@pytest.mark.parametrize("transport", ["picows", "websockets"])
async def test_the_certificate_must_still_name_the_host_of_the_url(
    monkeypatch, transport
):
    """Not the address that it was found at."""

    async def silent(connection):
        await connection.wait_closed()

    class Nobody:
        def on_read(self):
            pass

        def on_message(self, raw):
            raise AssertionError

        def on_pong(self, payload):
            raise AssertionError

    async with exchange(silent, host="127.0.0.1") as server:
        resolve_to(monkeypatch, ("127.0.0.1", server.wire.port))
        dial = dialer(transport)
        settings = WsSettings(close_timeout=0.3)
        url = f"wss://127.0.0.1:{server.wire.port}/stream"
        socket_ = await dial(url, Nobody(), settings, server.context)
        await socket_.close()
        url = f"wss://exchange.example:{server.wire.port}/stream"
        with pytest.raises(ssl.SSLCertVerificationError):
            await dial(url, Nobody(), settings, server.context)
