"""The control endpoint on the plain port."""

import asyncio

import pytest

from tests.market.simulator.faults.conftest import end_of, frame


@pytest.fixture
def call(client):
    async def call(method, path, body=None, base=None):
        url = (base or client.simulator.plain_url) + path
        async with client.session.request(method, url, json=body) as response:
            return response.status, await response.json()

    return call


async def test_a_fault_is_armed_listed_with_its_hits_and_disarmed(wire, call):
    status, armed = await call(
        "POST", "/sim/faults", {"kind": "mute", "stream": "btc*"}
    )
    assert (status, armed["id"]) == (200, 1)
    async with wire.connect("btcusdt@bookTicker", "ethusdt@bookTicker") as socket:
        await frame(socket)
        await asyncio.sleep(0.3)
    (entry,) = (await call("GET", "/sim/faults"))[1]["faults"]
    assert entry["active"]
    assert entry["hits"] > 0
    assert entry["fault"]["stream"] == "btc*"
    assert await call("DELETE", "/sim/faults/1") == (200, {"id": 1})
    (entry,) = (await call("GET", "/sim/faults"))[1]["faults"]
    assert not entry["active"]


async def test_all_faults_end_at_once(wire, call):
    for kind in ("no_pong", "no_ping", "mute"):
        wire.arm(kind)
    assert (await call("DELETE", "/sim/faults"))[0] == 200
    assert not any(entry["active"] for entry in wire.faults.listing())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"kind": "earthquake"}, "unknown kind"),
        ({"kind": "rst", "nth": 0}, "nth"),
        ({"kind": "rst", "color": "red"}, "color"),
        ({"kind": "delist", "symbol": "NOPEUSDT"}, "there is no symbol NOPEUSDT"),
        ([1], "must be a JSON object"),
    ],
)
async def test_a_bad_wish_is_refused_with_the_reason(call, body, message):
    status, answer = await call("POST", "/sim/faults", body)
    assert status == 400
    assert message in answer["msg"]


async def test_an_unknown_fault_cannot_be_disarmed(call):
    assert (await call("DELETE", "/sim/faults/7"))[0] == 404


async def test_the_tls_port_knows_no_faults(client):
    assert (await client.get("/sim/faults"))[0] == 404


async def test_every_kind_is_explained(call):
    kinds = (await call("GET", "/sim/kinds"))[1]
    assert kinds["rest"]["parameters"] == {"answer": None, "seconds": 10.0}


async def test_a_scenario_is_played_on_request(wire, call):
    steps = [{"at": 0.1, "arm": {"kind": "close", "code": 1012}}]
    async with wire.connect() as socket:
        await frame(socket)
        answer = await call("POST", "/sim/scenario", {"name": "one", "steps": steps})
        assert answer == (200, {"name": "one", "seconds": 0.1})
        assert (await end_of(socket)).rcvd.code == 1012
