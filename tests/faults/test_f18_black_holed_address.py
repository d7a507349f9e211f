"""F18: a name has an address that never answers, as IPv6 without a route has."""

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver

from market.binance import addresses
from market.binance.rest import BinanceRestClient
from market.binance.urls import endpoints
from tests.deaf import address_info, deaf_address

NAME = "btcusdt@bookTicker"
REAL = None
BOTH = pytest.mark.parametrize("transport", ["picows", "websockets"])


@pytest.fixture(params=["127.0.0.1", "::1"])
def deaf(request):
    with deaf_address(request.param) as address:
        yield address


@pytest.fixture
def resolves_to(monkeypatch):
    """``resolves_to(address, …)``: what the exchange's name stands for."""

    def resolves_to(*places):
        async def resolve(host, port):
            return [address_info(*(place or ("127.0.0.1", port))) for place in places]

        monkeypatch.setattr(addresses, "resolve", resolve)

    return resolves_to


@BOTH
async def test_the_dial_takes_the_address_that_answers(
    follow, deaf, resolves_to, transport
):
    resolves_to(deaf, deaf, REAL)
    followed = await follow(NAME, transport=transport)
    assert not followed.told("disconnected")


@BOTH
async def test_a_dial_whose_every_address_hangs_ends_in_time(
    follow, deaf, resolves_to, transport
):
    followed = await follow(NAME, transport=transport, ssl_timeout=0.7)
    resolves_to(deaf, deaf)
    followed.arm("rst")
    lost = await followed.hears("disconnected")
    hung = await followed.hears("disconnected", 2)
    assert lost.error_type == "NETWORK"
    assert hung.error_type == "TIMEOUT"
    resolves_to(deaf, REAL)
    await followed.hears("connected", 2)


@BOTH
async def test_a_name_that_nobody_knows_is_a_network_error(
    follow, monkeypatch, transport
):
    followed = await follow(NAME, transport=transport)

    async def unknown(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(addresses, "resolve", unknown)
    followed.arm("rst")
    failed = await followed.hears("disconnected", 2)
    assert failed.error_type == "NETWORK"
    assert "not known" in failed.reason


async def test_rest_takes_the_address_that_answers(simulator, deaf):
    asked = []

    class Resolver(AbstractResolver):
        async def resolve(self, host, port=0, family=socket.AF_INET):
            asked.append(host)
            return [self.entry(*deaf), self.entry("127.0.0.1", port)]

        def entry(self, host, port):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return {
                "hostname": "localhost", "host": host, "port": port,
                "family": family, "proto": 0, "flags": 0,
            }  # fmt: skip

        async def close(self):
            pass

    # aiohttp asks no resolver about an address that is a number.
    base = simulator.base_url.replace("127.0.0.1", "localhost")
    client = BinanceRestClient(
        endpoints("simulator", base),
        ca_file=str(simulator.ca_path),
        resolver=Resolver(),
    )
    async with asyncio.timeout(10):
        await client.initialize()
    assert set(asked) == {"localhost"}
    await client.aclose()


async def test_nothing_is_missing_when_an_address_is_deaf(feed, deaf, resolves_to):
    resolves_to(deaf, REAL)
    await feed.loses("rst")
    await feed.live()
    await feed.has_everything()
