"""Handshakes, certificates and the network before a connection serves."""

import asyncio
import ssl
import time

import aiohttp
import pytest
import websockets

from tests.market.simulator.faults.conftest import end_of, frame


@pytest.mark.parametrize("status", [400, 403, 418, 429, 451])
async def test_a_handshake_is_refused_with_its_status(wire, status):
    number = wire.arm("handshake", answer=str(status), count=1, seconds=7)
    with pytest.raises(websockets.InvalidStatus) as refused:
        await wire.connect()
    response = refused.value.response
    assert response.status_code == status
    if status in (418, 429):
        assert response.headers["Retry-After"] == "7"
        assert b"-1003" in response.body
    if status == 403:
        assert response.headers["Content-Type"].startswith("text/html")
        assert b"cloudfront" in response.body
    if status == 451:
        assert b"restricted location" in response.body
    assert wire.faults.hits(number) == 1
    async with wire.connect() as socket:
        await frame(socket)


@pytest.mark.parametrize(
    ("answer", "text"),
    [("503A", "Unknown error"), ("503B", "Service Unavailable."), ("503C", "-1008")],
)
async def test_the_three_meanings_of_503(wire, answer, text):
    wire.arm("handshake", answer=answer)
    with pytest.raises(websockets.InvalidStatus) as refused:
        await wire.connect()
    assert refused.value.response.status_code == 503
    assert text in refused.value.response.body.decode()


async def test_only_handshakes_of_the_route_are_refused(wire):
    wire.arm("handshake", answer="503B", route="market")
    async with wire.connect() as socket:
        await frame(socket)
    with pytest.raises(websockets.InvalidStatus):
        await wire.connect("btcusdt@kline_1m", route="market")


async def test_the_second_handshake_can_be_the_refused_one(wire):
    wire.arm("handshake", answer="503B", nth=2, count=1)
    async with wire.connect():
        pass
    with pytest.raises(websockets.InvalidStatus):
        await wire.connect()
    async with wire.connect():
        pass


@pytest.mark.parametrize("kind", ["handshake_hang", "tls_hang"])
async def test_a_handshake_can_stay_unanswered(wire, kind):
    number = wire.arm(kind)
    with pytest.raises(TimeoutError):
        await wire.connect(open_timeout=0.5)
    wire.faults.disarm(number)
    async with wire.connect() as socket:
        await frame(socket)


async def test_offline_resets_what_is_open_and_every_dial(wire):
    async with wire.connect() as socket:
        await frame(socket)
        number = wire.arm("offline")
        assert await end_of(socket) is not None
        with pytest.raises(OSError):  # noqa: PT011 - which one depends on the moment
            await wire.connect()
        with pytest.raises(aiohttp.ClientError):
            await wire.client.get("/fapi/v1/ping")
        wire.faults.disarm(number)
        assert (await wire.client.get("/fapi/v1/ping"))[0] == 200


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ("expired", "certificate has expired"),
        ("wrong_host", "IP address mismatch"),
        ("unknown_ca", "unable to get local issuer certificate"),
    ],
)
async def test_a_bad_certificate_is_refused_and_says_why(wire, shape, text):
    number = wire.arm("certificate", shape=shape)
    with pytest.raises(ssl.SSLCertVerificationError, match=text):
        await wire.connect()
    wire.faults.disarm(number)
    async with wire.connect() as socket:
        await frame(socket)


async def test_an_old_tls_version_is_refused(wire):
    wire.arm("certificate", shape="tls11")
    with pytest.raises(ssl.SSLError, match=r"(?i)version|protocol"):
        await wire.connect()


async def test_a_ban_meets_requests_and_handshakes_until_it_ends(wire):
    number = wire.arm("ban", seconds=3)
    status, body, headers = await wire.client.get("/fapi/v1/time")
    until = int(body["msg"].partition("until ")[2].partition(".")[0])
    assert (status, body["code"]) == (418, -1003)
    assert 1 <= int(headers["Retry-After"]) <= 4
    assert 0 < until / 1000 - time.time() < 3.1
    with pytest.raises(websockets.InvalidStatus) as refused:
        await wire.connect()
    assert refused.value.response.status_code == 418
    assert wire.faults.hits(number) == 2
    await asyncio.sleep(until / 1000 - time.time() + 0.1)
    assert (await wire.client.get("/fapi/v1/time"))[0] == 200
    assert wire.faults.hits(number) == 2
