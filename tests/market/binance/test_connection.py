"""What one connection does after failures, against a real server over TLS."""

import asyncio
import contextlib
import http
import json

import pytest

from core.clock import SystemClock
from market.binance.client import BinanceWebSocketClient
from market.binance.config import WsSettings
from market.binance.events import State
from market.binance.sockets import dialer
from market.binance.urls import Endpoints
from tests.market.binance.exchange import exchange
from tests.waiting import until

STREAM = "btcusdt@aggTrade"


class Door:
    """A server that lets in or refuses with a status, and may hang up at once."""

    def __init__(self):
        self.status = None
        self.retry_after = None
        self.dials = 0
        self.times = []
        self.hang_up = False

    def process(self, connection, request):
        self.dials += 1
        self.times.append(asyncio.get_running_loop().time())
        if self.status is None:
            return None
        response = connection.respond(http.HTTPStatus(self.status), "refused")
        if self.retry_after is not None:
            response.headers["Retry-After"] = str(self.retry_after)
        return response

    async def __call__(self, connection):
        with contextlib.suppress(Exception):
            async for text in connection:
                request = json.loads(text)
                await connection.send(json.dumps({"result": None, "id": request["id"]}))
                await connection.send(f'{{"stream":"{STREAM}","data":{{}}}}')
                if self.hang_up:
                    await connection.close(1001, "")


class Following:
    def __init__(self, door, client, events):
        self.door, self.client, self.events = door, client, events

    @property
    def connection(self):
        return self.client.connections["market-1"]

    def kinds(self):
        return [event.kind for event in self.events]


@pytest.fixture
def follow(tmp_path):
    @contextlib.asynccontextmanager
    async def following(
        status=None, *, hang_up=False, retry_after=None, dial=None, **settings
    ):
        door = Door()
        door.status, door.hang_up, door.retry_after = status, hang_up, retry_after
        events = []
        async with exchange(door, process_request=door.process) as server:
            path = tmp_path / "ca.pem"
            server.authority.cert_pem.write_to_path(path)
            chosen = {
                "ca_file": str(path), "reconnect_jitter": 0, "close_timeout": 0.2,
                "reconnect_initial_delay": 0.02, "reconnect_max_delay": 0.05,
            } | settings  # fmt: skip
            client = BinanceWebSocketClient(
                [STREAM],
                where=Endpoints("", server.stream),
                report=events.append,
                config=WsSettings(**chosen),
                clock=SystemClock(),
                dial=dial,
            )
            await client.start_websocket()
            try:
                yield Following(door, client, events)
            finally:
                await client.stop_websocket()

    return following


async def test_a_restricted_location_is_not_dialled_again_until_asked(follow):
    async with follow(451) as f:
        await until(lambda: f.connection.state is State.FATAL)
        await asyncio.sleep(0.2)
        assert f.door.dials == 1
        assert "451" in f.events[-1].reason
        f.door.status = None
        f.client.reconnect("market-1")
        await until(lambda: f.connection.state is State.LIVE)
        assert f.door.dials == 2


async def test_after_the_last_retry_it_is_failed_tells_once_and_goes_on(follow, caplog):
    async with follow(503, reconnect_max_retries=3) as f:
        await until(lambda: f.connection.state is State.FAILED)
        await until(lambda: f.door.dials >= 6)
        assert f.kinds().count("failed") == 1
        assert any(r.levelname == "CRITICAL" for r in caplog.records)
        f.door.status = None
        await until(lambda: f.connection.state is State.LIVE)
        assert f.connection.reconnector.retries == 0


async def test_a_flapping_connection_is_told_once_with_an_error(follow, caplog):
    async with follow(hang_up=True) as f:
        await until(lambda: "flapping" in f.kinds())
        await until(lambda: f.door.dials >= 8)
        assert f.kinds().count("flapping") == 1
    errors = [r for r in caplog.records if "more than 3 failed" in r.getMessage()]
    assert [r.levelname for r in errors] == ["ERROR"]


async def test_data_for_a_moment_does_not_reset_the_delay(follow):
    """Otherwise a flapping socket would dial in a storm."""
    async with follow(
        hang_up=True, reconnect_initial_delay=0.05, reconnect_max_delay=10.0
    ) as f:
        await until(lambda: len(f.connection.reconnector.failures) >= 4)
        delays = [r.delay_seconds for r in f.connection.reconnector.failures]
        assert delays[:4] == [0.05, 0.1, 0.2, 0.4]


async def test_the_last_ten_failures_are_kept_with_reason_and_distance(follow):
    async with follow(503, reconnect_max_retries=100) as f:
        await until(lambda: f.connection.reconnector.total >= 12, 20)
        row = f.client.get_connection_stats()["connections"][0]
        assert len(row["failures"]) == 10
        assert all("503" in failure["reason"] for failure in row["failures"])
        assert row["failures"][-1]["since_previous_seconds"] > 0
        assert row["errors"]["PROTOCOL"] == row["reconnect_count"]
        disconnected = [e for e in f.events if e.kind == "disconnected"]
        assert disconnected[0].since_previous_seconds is None
        assert disconnected[0].advice


@pytest.mark.parametrize("fails", [False, True])
async def test_stopping_ends_a_dial_that_swallows_its_cancellation(follow, fails):
    """Libraries do that when the cancellation meets their own success or failure."""
    dialling = asyncio.Event()

    async def stubborn(*what):
        dialling.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        if fails:
            raise ConnectionError("closed while connecting")
        return await dialer("picows")(*what)

    async with follow(dial=stubborn) as f:
        await dialling.wait()
        async with asyncio.timeout(5):
            await f.client.stop_websocket()
        assert f.events == []
