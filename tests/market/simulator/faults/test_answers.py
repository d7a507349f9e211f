"""Wrong answers of REST, as aiohttp sees them."""

import asyncio
import json
import ssl
import time

import aiohttp
import pytest

PATH = "/fapi/v1/klines"
PARAMETERS = {"symbol": "BTCUSDT", "interval": "1m", "limit": "20"}


@pytest.fixture
async def get(client):
    context = ssl.create_default_context(cafile=str(client.simulator.ca_path))

    async def get(path=PATH, **parameters):
        url = client.simulator.base_url + path
        chosen = parameters or PARAMETERS
        async with client.session.get(url, params=chosen, ssl=context) as response:
            return response.status, await response.text(), response.headers

    return get


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        ("400", 400, "-1100"),
        ("403", 403, "<H1>403 ERROR</H1>"),
        ("418", 418, "IP banned until"),
        ("429", 429, "-1003"),
        ("451", 451, "restricted location"),
        ("503A", 503, "Unknown error, please check your request or try again later."),
        ("503B", 503, "Service Unavailable."),
        ("503C", 503, "-1008"),
        ("-1021", 400, "outside of the recvWindow"),
        ("html", 200, "<HTML>"),
        ("empty", 200, ""),
    ],
)
async def test_a_wrong_answer_replaces_the_right_one(wire, get, answer, status, text):
    wire.arm("rest", answer=answer, count=1)
    seen, body, headers = await get()
    assert seen == status
    assert text in body
    assert ("Retry-After" in headers) == (status in (418, 429))
    assert (await get())[0] == 200


async def test_json_can_be_cut_short(wire, get):
    wire.arm("rest", answer="truncated")
    status, body, _ = await get()
    assert status == 200
    with pytest.raises(ValueError, match=r"(?i)delimiter|unterminated|expecting"):
        json.loads(body)


async def test_a_body_shorter_than_its_length_is_an_error(wire, get):
    wire.arm("rest", answer="wrong_length", count=1)
    with pytest.raises(aiohttp.ClientPayloadError):
        await get()


async def test_a_body_can_come_slowly(wire, get):
    wire.arm("rest", answer="slow", seconds=0.6)
    start = time.monotonic()
    _, body, _ = await get()
    assert time.monotonic() - start > 0.5
    assert len(json.loads(body)) == 20


async def test_an_answer_may_never_come(wire, get):
    wire.arm("rest", answer="hang", seconds=30)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.4):
            await get()


async def test_unknown_fields_and_contracts_are_listed(wire, get):
    wire.arm("rest", answer="unknown_values", path="/fapi/v1/exchangeInfo")
    _, body, _ = await get("/fapi/v1/exchangeInfo")
    info = json.loads(body)
    assert info["somethingNew"]
    assert info["symbols"][0]["somethingNew"]
    assert info["symbols"][-1]["status"] == "HIBERNATING"


async def test_only_the_chosen_path_and_symbol_are_struck(wire, get):
    number = wire.arm("rest", answer="503B", path="/fapi/v1/k*", symbol="ethusdt")
    assert (await get("/fapi/v1/time"))[0] == 200
    assert (await get())[0] == 200
    assert (await get(**{**PARAMETERS, "symbol": "ETHUSDT"}))[0] == 503
    assert wire.faults.hits(number) == 1


async def test_the_clock_that_is_shown_jumps_and_comes_back(wire, get):
    async def ahead():
        body = json.loads((await get("/fapi/v1/time"))[1])
        return body["serverTime"] / 1000 - time.time()

    number = wire.arm("clock_jump", milliseconds=-60_000)
    assert -61 < await ahead() < -59
    wire.faults.disarm(number)
    assert abs(await ahead()) < 1
