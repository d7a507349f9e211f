"""Private streams in the connection statistics, on a real feed, database and Redis."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from core import redis as core_redis
from core.clock import SystemClock
from core.models import Alert
from market import live, private_connections
from market.binance.events import ConnectionEvent
from market.binance.private_rest import PrivateRest
from market.binance.user_stream import UserStream
from market.private_connections import FRESH_MS, PrivateConnections, private_parts
from tests.market.binance.desk import caller_of, hall_of, open_desk
from tests.market.binance.test_user_stream import Ears
from tests.market.test_feed import (
    VENUE,
    events,
    obeyed,
    order,
    rhythm,
    running,
    simulator,
    start,
)
from tests.waiting import eventually

__all__ = ["rhythm", "running", "simulator", "start"]
NAME = "trader.private-7"
pytestmark = pytest.mark.usefixtures("database", "layer")


def event(kind, at=1):
    return ConnectionEvent(at, NAME, "private", kind, "because")


@pytest.fixture
async def redis(bus):
    client = core_redis.client()
    yield client
    await client.aclose()


@pytest.fixture
async def stream(redis, monkeypatch):
    """A private stream whose process tells of it."""
    monkeypatch.setattr(private_connections, "TELL_SECONDS", 0.1)
    async with open_desk() as desk, caller_of(desk) as caller:
        told = PrivateConnections(
            redis, VENUE, name="trader", clock=SystemClock(),
            connections=lambda: [stream.connection],
        )  # fmt: skip
        stream = UserStream(
            PrivateRest(caller), hall_of(desk), name=NAME, account="main",
            hears=Ears(), report=told.report,
        )  # fmt: skip
        await stream.start()
        job = asyncio.create_task(told.run())
        yield stream
        await stream.close()
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)


async def connections():
    return await sync_to_async(live.connections)(VENUE)


def private(answer):
    return [row for row in answer["connections"] if row["route"] == "private"]


async def test_a_private_stream_is_shown_beside_the_feeds_and_obeys_people(
    running, stream
):
    alone = running.totals
    answer = await eventually(
        connections, lambda a: private(a) and private(a)[0]["state"] == "live"
    )
    (row,) = private(answer)
    assert (row["id"], row["streams"]) == (NAME, ["main@userData"])
    assert answer["totals"]["connections"] == alone["connections"] + 1
    assert answer["totals"]["streams_live"] == alone["streams_live"] + 1
    assert answer["feed"]["name"] == "feed"
    result = await obeyed(await order("reconnect", NAME))
    assert result == "reconnecting"
    rows = await eventually(
        events, lambda rows: any(r.kind == "reconnect_requested" for r in rows)
    )
    kinds = [row.kind for row in rows if row.connection == NAME]
    assert kinds[:2] == ["connected", "reconnect_requested"]
    result = await obeyed(await order("reconnect", "trader.private-8"))
    assert result == "there is no connection 'trader.private-8'"


async def test_what_a_dead_process_left_is_shown_no_longer():
    parts = {
        "trader": {"private": True, "at": 10_000, "statistics": {}},
        "feed-2": {"feed": {}, "statistics": {}},
    }
    assert set(private_parts(parts, 10_000 + FRESH_MS)) == {"trader"}
    assert private_parts(parts, 10_001 + FRESH_MS) == {}


async def test_a_stream_that_cannot_be_had_alerts_and_its_end_resolves(redis):
    told = PrivateConnections(
        redis, VENUE, name="trader", clock=SystemClock(), connections=list
    )
    told.report(event("failed"))
    await told.tell()
    alert = await Alert.objects.aget()
    assert (alert.state, NAME in alert.key) == ("open", True)
    told.report(event("stopped", 2))
    await told.tell()
    assert (await Alert.objects.aget()).state == "resolved"
    assert [row.kind for row in await events()] == ["failed", "stopped"]
