"""How the REST client behaves over several requests: clock, refusals, dead addresses."""

import asyncio
import contextlib
import json
import socket

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from market.binance.rest import (
    RESTRICTED_SECONDS,
    BinanceRestClient,
    Question,
    RestBanned,
    RestError,
    RestGarbled,
    RestRefused,
    RestRestricted,
    RestUnavailable,
)
from market.binance.urls import Endpoints
from market.binance.weights import FIREWALL_SECONDS
from tests.clock import FakeClock
from tests.waiting import until

TIME = "/fapi/v1/time"


class Server:
    """Answers as told, one after the other; the last answer stays. Tells the time."""

    def __init__(self):
        self.asked, self.answers = [], [(200, b"{}", {})]
        self.now_ms = lambda: 0
        self.port = 0

    async def handle(self, request):
        self.asked.append((request.path, dict(request.query)))
        if request.path == TIME:
            return web.json_response({"serverTime": self.now_ms()})
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        status, body, headers = answer
        return web.Response(status=status, body=body, headers=headers)

    @property
    def times_asked(self):
        return sum(path == TIME for path, _ in self.asked)

    @property
    def others(self):
        return [query for path, query in self.asked if path != TIME]


@contextlib.asynccontextmanager
async def serving(handle):
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
async def server():
    made = Server()
    async with serving(made.handle) as port:
        made.port = port
        yield made


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def client(server, clock):
    server.now_ms = lambda: clock.now_ms() + 5_000
    where = Endpoints(f"http://127.0.0.1:{server.port}", "")
    made = BinanceRestClient(where, clock=clock, patience=0.0)
    yield made
    await made.aclose()


async def get(client):
    return await client.get("/x", weight=1)


def error(status, code, message, **headers):
    body = json.dumps({"code": code, "msg": message}).encode()
    return status, body, headers


# -- clock --------------------------------------------------------------------------


async def test_after_a_refused_timestamp_the_second_attempt_has_the_right_one(
    server, client, clock
):
    server.answers = [error(400, -1021, "outside of the recvWindow"), (200, b"{}", {})]
    await client.request(Question("GET", "/x", 1, lambda now: {"timestamp": now}))
    sent = [int(query["timestamp"]) for query in server.others]
    assert sent == [clock.now_ms(), clock.now_ms() + 5_000]


async def test_a_timestamp_refused_twice_is_an_error(server, client):
    server.answers = [error(400, -1021, "ahead of the server's time")]
    with pytest.raises(RestRefused) as refused:
        await client.request(Question("GET", "/x", 1, lambda _: {}))
    assert refused.value.code == -1021
    assert len(server.others) == 2


async def test_a_clock_that_was_set_is_noticed_before_the_next_request(
    server, client, clock
):
    await client.initialize()
    asked = server.times_asked
    await get(client)
    assert server.times_asked == asked
    clock.ms -= 3_600_000
    server.now_ms = lambda: clock.now_ms() + 3_605_000
    await asyncio.gather(*[get(client) for _ in range(5)])
    assert server.times_asked == 2 * asked  # once for all five
    assert client.time_offset_ms == 3_605_000


async def test_a_clock_that_cannot_be_learned_anew_stops_nothing(
    server, client, clock, monkeypatch, caplog
):
    await client.initialize()
    clock.move(301)

    async def fail():
        raise RestUnavailable("HTTP 503", 503)

    monkeypatch.setattr(client, "synchronise", fail)
    await get(client)
    assert "time is not known anew" in caplog.text


# -- refusals -----------------------------------------------------------------------


async def test_a_restricted_location_is_not_asked_again_for_a_while(
    server, client, clock
):
    server.answers = [error(451, 0, "Service unavailable from a restricted location")]
    for _ in range(3):
        with pytest.raises(RestRestricted, match="does not serve this location"):
            await get(client)
    assert len(server.asked) == 1
    clock.move(RESTRICTED_SECONDS)
    server.answers = [(200, b"{}", {})]
    await get(client)


async def test_a_firewall_gets_a_minute_of_silence(server, client, clock):
    server.answers = [(403, b"<HTML>CloudFront</HTML>", {}), (200, b"{}", {})]
    with pytest.raises(RestRefused, match="a firewall of the exchange"):
        await get(client)
    with pytest.raises(RestUnavailable, match="nothing is sent for 60 s"):
        await get(client)
    assert len(server.asked) == 1
    clock.move(FIREWALL_SECONDS)
    await get(client)


async def test_a_ban_told_only_in_the_body_is_kept_by_the_exchanges_clock(
    server, client, clock
):
    await client.initialize()
    asked = len(server.asked)
    until = clock.now_ms() + 5_000 + 90_000
    text = f"Way too much request weight used; IP banned until {until}. Please …"
    server.answers = [error(418, -1003, text), (200, b"{}", {})]
    with pytest.raises(RestBanned, match="stop every program"):
        await get(client)
    clock.move(89.9)
    with pytest.raises(RestBanned, match="nothing is sent"):
        await client.request(Question("DELETE", "/x", 1, lambda _: {}, cancel=True))
    assert len(server.asked) == asked + 1
    clock.move(0.2)
    await get(client)


async def test_a_ban_before_the_clock_is_known_is_measured_by_the_answers_date(
    server, client, clock
):
    clock.ms += 86_400_000  # this machine is a day ahead
    text = "IP banned until 1659146400000."
    date = "Sat, 30 Jul 2022 01:59:00 GMT"  # a minute before
    server.answers = [error(418, -1003, text, Date=date), (200, b"{}", {})]
    with pytest.raises(RestBanned):
        await get(client)
    clock.move(59)
    with pytest.raises(RestBanned):
        await get(client)
    clock.move(2)
    await get(client)


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"", "empty"), (b"<html>", "not JSON"), (b'{"a": [1', "cut short")],
)
async def test_a_body_that_is_no_document_says_what_is_wrong(
    server, client, body, text
):
    server.answers = [(200, body, {})]
    with pytest.raises(RestGarbled, match=text):
        await get(client)


async def test_a_body_shorter_than_its_length_is_cut_short(client):
    async def liar(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2")
        writer.close()

    listening = await asyncio.start_server(liar, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    other = BinanceRestClient(Endpoints(f"http://127.0.0.1:{port}", ""))
    with pytest.raises(RestGarbled, match="cut short"):
        await get(other)
    await other.aclose()
    listening.close()


# -- many at once -------------------------------------------------------------------


async def test_a_cancel_does_not_wait_behind_other_requests():
    gate, seen = asyncio.Event(), []

    async def slow(request):
        seen.append(request.method)
        if request.method == "GET":
            await gate.wait()
        return web.json_response({})

    async with serving(slow) as port:
        where = Endpoints(f"http://127.0.0.1:{port}", "")
        client = BinanceRestClient(where, concurrency=2)
        jobs = [asyncio.create_task(get(client)) for _ in range(6)]
        async with asyncio.timeout(5):
            await until(lambda: len(seen) == 2)
            await client.request(Question("DELETE", "/x", 1, lambda _: {}, cancel=True))
        assert seen == ["GET", "GET", "DELETE"]
        gate.set()
        await asyncio.gather(*jobs)
        await client.aclose()


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Addresses(AbstractResolver):
    """What a name resolves to, best first."""

    def __init__(self, *hosts):
        self._hosts = hosts

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": family_of(address),
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in self._hosts
        ]

    async def close(self):
        """Nothing is open."""


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@contextlib.contextmanager
def black_hole(address, port):
    """A full backlog: whoever connects now hears nothing."""
    family = family_of(address)
    hole = socket.socket(family)
    hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    hole.bind((address, port))
    hole.listen(0)
    fillers = [socket.socket(family) for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex((address, port))
    try:
        yield
    finally:
        for one in (hole, *fillers):
            one.close()


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback on this machine")
async def test_an_ipv6_address_that_swallows_packets_costs_a_fraction_of_a_second(
    server,
):
    with black_hole("::1", server.port):
        client = BinanceRestClient(
            Endpoints(f"http://exchange.test:{server.port}", ""),
            resolver=Addresses("::1", "127.0.0.1"),
        )
        loop = asyncio.get_running_loop()
        began = loop.time()
        await get(client)
        assert loop.time() - began < 2
        await client.aclose()


async def test_only_dead_addresses_are_an_error_within_seconds(unused_tcp_port):
    with black_hole("127.0.0.1", unused_tcp_port):
        client = BinanceRestClient(
            Endpoints(f"http://exchange.test:{unused_tcp_port}", ""),
            resolver=Addresses("127.0.0.1"),
        )
        async with asyncio.timeout(6):
            with pytest.raises(RestError):
                await get(client)
        await client.aclose()
