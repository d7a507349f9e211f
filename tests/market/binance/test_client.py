"""The client against a real server over TLS, on both socket edges."""

import asyncio
import itertools
import json

import pytest

from core.clock import SystemClock
from market.binance.client import BinanceWebSocketClient
from market.binance.config import WsSettings
from market.binance.events import State
from market.binance.session import FIRST_FRAME_SECONDS
from market.binance.urls import Endpoints
from tests.market.binance.exchange import exchange, flip_one_byte, reset
from tests.waiting import until

STREAMS = ["btcusdt@aggTrade", "ethusdt@aggTrade"]


class MovedClock(SystemClock):
    moved = 0.0

    def monotonic(self):
        return super().monotonic() + self.moved


class Server:
    """Acknowledges, sends numbered frames of what is subscribed, and can be told not to."""

    def __init__(self):
        self.numbers = itertools.count(1)
        self.sent = 0
        self.dials = 0
        self.refuse_data = 0
        self.mute = set()
        self.pause = 0.002
        self.requests = []

    async def __call__(self, connection):
        self.dials += 1
        silent = self.dials <= self.refuse_data
        names = []
        sender = asyncio.create_task(self._send(connection, names))
        try:
            async for text in connection:
                request = json.loads(text)
                self.requests.append(request)
                await connection.send(json.dumps({"result": None, "id": request["id"]}))
                if silent:
                    await connection.close(1011, "not now")
                elif request["method"] == "SUBSCRIBE":
                    names += request["params"]
                elif request["method"] == "UNSUBSCRIBE":
                    names[:] = [n for n in names if n not in request["params"]]
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send(self, connection, names):
        while True:
            for name in [n for n in names if n not in self.mute]:
                number = next(self.numbers)
                frame = f'{{"stream":"{name}","data":{{"n":{number}}}}}'
                await connection.send(frame)
                self.sent = number
            await asyncio.sleep(self.pause)


class Kit:
    def __init__(self, server, wire, client, clock):
        self.server, self.wire, self.client, self.clock = server, wire, client, clock
        self.heard, self.events = [], []

    @property
    def connection(self):
        (only,) = self.client.connections.values()
        return only

    def numbers(self):
        return [json.loads(raw)["data"]["n"] for _, raw in self.heard]

    def kinds(self):
        return [event.kind for event in self.events]

    async def frames(self, count):
        wanted = len(self.heard) + count
        await until(lambda: len(self.heard) >= wanted)


@pytest.fixture(params=["websockets", "picows"])
def start(request, tmp_path):
    """``async with start(...) as kit``: a client that follows a server's streams."""

    class Starting:
        def __init__(self, *, streams=STREAMS, **settings):
            self.streams = streams
            self.settings = {
                "transport": request.param, "reconnect_initial_delay": 0.05,
                "reconnect_max_delay": 0.2, "reconnect_jitter": 0,
                "close_timeout": 0.3,
            } | settings  # fmt: skip

        async def __aenter__(self):
            server, clock = Server(), MovedClock()
            self._exchange = exchange(server)
            running = await self._exchange.__aenter__()
            path = tmp_path / "ca.pem"
            running.authority.cert_pem.write_to_path(path)
            self.kit = kit = Kit(server, running.wire, None, clock)
            kit.client = BinanceWebSocketClient(
                self.streams,
                where=Endpoints("", running.stream),
                on_message=lambda name, raw: kit.heard.append((name, raw)),
                report=lambda event: kit.events.append(event),
                config=WsSettings(ca_file=str(path), **self.settings),
                clock=clock,
            )
            await kit.client.start_websocket()
            return kit

        async def __aexit__(self, *problem):
            await self.kit.client.stop_websocket()
            await self._exchange.__aexit__(*problem)

    return Starting


async def test_frames_arrive_with_their_stream_in_order(start):
    async with start() as kit:
        await kit.frames(20)
        assert {name for name, _ in kit.heard} == set(STREAMS)
        assert kit.numbers() == list(range(1, len(kit.heard) + 1))
        assert kit.connection.state is State.LIVE or kit.kinds() == ["connected"]


async def test_the_first_data_resets_the_retries_and_not_the_handshake(start):
    async with start() as kit:
        kit.server.refuse_data = 3
        seen = set()

        def first_data():
            seen.add(kit.connection.reconnector.retries)
            return bool(kit.heard)

        await until(first_data)
        assert seen >= {1, 2}
        assert kit.connection.reconnector.retries == 0
        assert kit.server.dials == 4
        statistics = kit.client.get_connection_stats()["reconnect_statistics"]
        assert statistics["total_reconnects"] == 3
        assert statistics["success_rate"] == pytest.approx(1 / 3)
        assert statistics["error_distribution"]["PROTOCOL"] == 3


async def test_after_a_cut_everything_is_subscribed_again_and_told(start):
    async with start() as kit:
        await kit.frames(5)
        kit.wire.hurt = reset
        await until(lambda: "disconnected" in kit.kinds())
        kit.wire.hurt = None
        await until(lambda: kit.kinds().count("connected") == 2)
        await kit.frames(10)
        names = [r["params"] for r in kit.server.requests if r["method"] == "SUBSCRIBE"]
        assert names == [STREAMS, STREAMS]
        lost = next(event for event in kit.events if event.kind == "disconnected")
        assert (lost.error_type, lost.connection) == ("NETWORK", "market-1")
        assert lost.advice
        record = kit.client.get_connection_stats()["reconnect_statistics"]["history"][0]
        assert record["success"] is True
        assert record["connection"] == "market-1"


async def test_a_damaged_tls_record_is_logged_with_everything_needed(start, caplog):
    async with start() as kit:
        await kit.frames(5)
        kit.wire.hurt = flip_one_byte
        await until(lambda: "disconnected" in kit.kinds())
        kit.wire.hurt = None
        await until(lambda: kit.kinds().count("connected") == 2)
    (record,) = [r for r in caplog.records if "TLS failed" in r.message]
    assert record.exc_info
    for part in ("state ", "retry 1", "at 1", "'version': 'TLSv1.", "'cipher': "):
        assert part in record.getMessage()
    assert next(e for e in kit.events if e.kind == "disconnected").error_type == "SSL"


async def test_an_acknowledged_stream_without_data_is_found_silent(start):
    async with start() as kit:
        kit.server.mute = {STREAMS[1]}
        await kit.frames(5)
        kit.clock.moved = FIRST_FRAME_SECONDS + 1
        await until(lambda: "silent" in kit.kinds())
        await kit.frames(5)
        silent = next(event for event in kit.events if event.kind == "silent")
        assert STREAMS[1] in silent.reason
        assert "no first frame" in silent.reason
        row = kit.client.get_connection_stats()["connections"][0]
        assert (row["streams_expected"], row["streams_live"]) == (2, 1)
        assert row["streams_silent"] == 1
        assert kit.connection.state is State.DEGRADED
        assert "disconnected" not in kit.kinds()


async def test_a_black_hole_is_left_when_the_pong_is_missing(start):
    async with start(ping_interval=0.3, pong_timeout=0.5) as kit:
        await kit.frames(5)
        await until(lambda: kit.connection.heartbeat.last_pong_time)
        kit.wire.black_hole = True
        await until(lambda: "disconnected" in kit.kinds())
        kit.wire.black_hole = False
        await until(lambda: kit.kinds().count("connected") == 2)
        lost = next(event for event in kit.events if event.kind == "disconnected")
        assert lost.error_type == "TIMEOUT"
        assert "no pong" in lost.reason


async def test_a_slow_consumer_loses_no_frame_and_never_kills_its_connection(start):
    """Slower than the exchange for longer than ping interval plus pong timeout."""
    async with start(ping_interval=0.2, pong_timeout=0.3) as kit:
        kit.server.pause = 0.0005
        taken, paused = [], 0
        loop = asyncio.get_running_loop()
        ends = loop.time() + 2.0
        while loop.time() < ends:
            if len(kit.heard) - len(taken) > 50:
                kit.client.pause_reading()
                paused += 1
            elif len(kit.heard) - len(taken) < 25:
                kit.client.resume_reading()
            taken += kit.numbers()[len(taken) : len(taken) + 2]
            await asyncio.sleep(0.01)
        kit.client.resume_reading()
        await kit.frames(50)
        assert paused > 10
        assert kit.numbers() == list(range(1, len(kit.heard) + 1))
        assert kit.kinds() == ["connected"]
        assert kit.server.dials == 1


async def test_a_long_pause_makes_no_stream_silent_and_no_connection_mute(start):
    async with start(message_timeout=60, message_warning_timeout=30) as kit:
        await kit.frames(5)
        kit.client.pause_reading()
        kit.clock.moved = 500
        await asyncio.sleep(0.6)  # at least two reviews
        kit.client.resume_reading()
        await kit.frames(50)
        await asyncio.sleep(0.3)
        assert kit.kinds() == ["connected"]
        assert kit.numbers() == list(range(1, len(kit.heard) + 1))


async def test_a_connection_that_opens_during_a_pause_reads_nothing_until_it_ends(
    start,
):
    async with start() as kit:
        await kit.frames(5)
        kit.client.pause_reading()
        kit.client.reconnect("market-1")
        await until(
            lambda: kit.kinds().count("connected") == 2 or kit.server.dials == 2
        )
        heard = len(kit.heard)
        await asyncio.sleep(0.4)
        assert len(kit.heard) == heard
        kit.client.resume_reading()
        await kit.frames(20)


async def test_an_operator_can_replace_a_connection_at_any_time(start):
    async with start(reconnect_initial_delay=30, reconnect_max_delay=60) as kit:
        await kit.frames(5)
        kit.client.reconnect("market-1")
        await until(lambda: kit.kinds().count("connected") == 2)
        assert kit.kinds() == ["connected", "reconnect_requested", "connected"]
        # also while it waits for half a minute
        kit.wire.hurt = reset
        await until(lambda: kit.connection.state is State.RECONNECTING)
        kit.wire.hurt = None
        kit.client.reconnect("market-1")
        await until(lambda: kit.kinds().count("connected") == 3)
        with pytest.raises(KeyError):
            kit.client.reconnect("market-2")


async def test_streams_come_and_go_on_open_connections(start):
    async with start() as kit:
        await kit.frames(5)
        kit.client.subscribe(["solusdt@aggTrade", *STREAMS])
        await until(lambda: any(n == "solusdt@aggTrade" for n, _ in kit.heard))
        kit.client.unsubscribe([STREAMS[0]])
        await until(
            lambda: any(r["method"] == "UNSUBSCRIBE" for r in kit.server.requests)
        )
        await kit.frames(20)
        assert STREAMS[0] not in {name for name, _ in kit.heard[-10:]}
        assert kit.server.dials == 1
        kit.client.subscribe(["btcusdt@bookTicker"])
        assert set(kit.client.connections) == {"market-1", "public-1"}
        await until(lambda: any("bookTicker" in n for n, _ in kit.heard))
        kit.client.unsubscribe(["btcusdt@bookTicker"])
        assert set(kit.client.connections) == {"market-1"}


async def test_stopping_leaves_nothing_open_and_can_be_followed_by_a_start(start):
    async with start() as kit:
        await kit.frames(5)
        await kit.client.stop_websocket()
        assert kit.client.connections == {}
        heard = len(kit.heard)
        await asyncio.sleep(0.1)
        assert len(kit.heard) == heard
        await kit.client.start_websocket()
        await kit.frames(5)


async def test_statistics_have_the_published_names(start):
    async with start(ping_interval=0.1) as kit:
        await kit.frames(20)
        await until(lambda: kit.connection.heartbeat.last_pong_time)
        statistics = kit.client.get_connection_stats()
        (row,) = statistics["connections"]
        assert {
            "id", "route", "state", "streams_expected", "streams_live",
            "streams_silent", "uptime_seconds", "reconnects", "rtt_ms", "messages",
            "bytes", "last_message_age_seconds", "errors", "history", "last_pong_time",
            "reconnect_count", "consecutive_failures", "failures", "tls",
        } <= set(row)  # fmt: skip
        assert row["rtt_ms"]["p50"] > 0
        assert row["messages"] >= 20
        assert row["tls"]["version"] in ("TLSv1.2", "TLSv1.3")
        assert {
            "total_reconnects", "success_rate", "average_delay", "error_distribution",
            "history",
        } <= set(statistics["reconnect_statistics"])  # fmt: skip
        totals = statistics["totals"]
        assert totals["streams_live"] == totals["streams_expected"] == 2
        assert totals["dials"] == 1


async def test_a_common_failure_does_not_end_with_a_canary_that_is_dropped(start):
    """The connection that dials first is unsubscribed meanwhile: the others go on."""
    names = [f"s{number}usdt@kline_15m" for number in range(4)]
    async with start(streams=names, streams_per_connection=1) as kit:
        await until(lambda: kit.kinds().count("connected") == 4)
        kit.wire.hurt = reset
        await until(lambda: kit.client.gate._canary)
        first = kit.client.gate._canary
        kit.client.unsubscribe(kit.client.connections[first].session.names)
        kit.wire.hurt = None
        await until(
            lambda: all(c.state is State.LIVE for c in kit.client.connections.values())
        )
        assert len(kit.client.connections) == 3
