"""The private stream: its key is asked for, kept alive, lost and replaced."""

import asyncio
import contextlib
import time

import pytest

from market.binance import statistics
from market.binance.events import State
from market.binance.private_rest import PrivateRest
from market.binance.user_stream import UserStream
from market.domain.user_events import OrderUpdate
from tests.market.binance.desk import caller_of, filled, hall_of, open_desk, refusal
from tests.waiting import until

POST, PUT = "POST /fapi/v1/listenKey", "PUT /fapi/v1/listenKey"


class Ears:
    """Everything that a stream told, and what its connection reported."""

    def __init__(self):
        self.events, self.news, self.strange, self.reports = [], [], [], []

    def event(self, event):
        self.events.append(event)

    def not_understood(self, reason):
        self.strange.append(reason)

    def up(self, reason):
        self.news.append(("up", reason))

    def down(self, reason):
        self.news.append(("down", reason))

    @property
    def ups(self):
        return [kind for kind, _ in self.news].count("up")

    def kinds(self):
        return [event.kind for event in self.reports]


@pytest.fixture
async def desk():
    async with open_desk() as desk:
        yield desk


@pytest.fixture
def follow(desk):
    @contextlib.asynccontextmanager
    async def following(**settings):
        ears = Ears()
        async with caller_of(desk) as caller:
            stream = UserStream(
                PrivateRest(caller),
                hall_of(desk, **settings),
                name="private-7",
                account="main",
                hears=ears,
                report=ears.reports.append,
            )
            await stream.start()
            try:
                yield stream, ears
            finally:
                await stream.close()

    return following


async def test_a_quiet_stream_is_up_once_the_exchange_confirms_its_key(desk, follow):
    async with follow() as (stream, ears):
        await until(lambda: ears.news == [("up", "the private stream is open")])
        assert len(desk.of(POST)) == len(desk.of(PUT)) == 1
        assert desk.dials[0]["listenKey"] == desk.key
        assert "ORDER_TRADE_UPDATE/ACCOUNT_UPDATE" in desk.dials[0]["events"]
        await until(lambda: stream.connection.state is State.LIVE)
        row = statistics.row(stream.connection, time.monotonic())
        assert (row["streams"], row["streams_live"]) == (["main@userData"], 1)
        assert desk.key not in str(row)
    assert ears.news[-1] == ("down", "it is closed")
    assert desk.key


async def test_events_come_with_and_without_an_envelope(desk, follow):
    async with follow() as (_, ears):
        await until(lambda: ears.ups)
        await desk.push(filled("c-1"), {"stream": desk.key, "data": filled("c-2")})
        await until(lambda: len(ears.events) == 2)
        assert all(isinstance(event, OrderUpdate) for event in ears.events)
        assert [event.client_id for event in ears.events] == ["c-1", "c-2"]


async def test_what_nobody_understands_is_told_and_ends_nothing(desk, follow):
    async with follow() as (_, ears):
        await until(lambda: ears.ups)
        await desk.push({"e": "NEVER_HEARD_OF"}, {"e": "ORDER_TRADE_UPDATE"}, filled())
        await until(lambda: ears.events)
        assert len(ears.strange) == 2
        assert ears.ups == 1


async def test_a_lost_socket_is_dialled_again_with_the_living_key(desk, follow):
    async with follow() as (stream, ears):
        await until(lambda: ears.ups)
        key = desk.key
        await desk.sockets[0][1].close(code=1011)
        await until(lambda: ears.ups == 2)
        assert desk.key == key
        assert [kind for kind, _ in ears.news] == ["up", "down", "up"]
        assert "1011" in ears.news[1][1]
        assert stream.connection.reconnector.succeeded == 1
        assert ears.kinds() == ["connected", "disconnected", "connected"]


async def test_an_expired_key_is_replaced_with_its_socket(desk, follow):
    async with follow() as (_, ears):
        await until(lambda: ears.ups)
        old = desk.key
        await desk.push({"e": "listenKeyExpired", "E": 1, "listenKey": old})
        desk.key = ""
        await until(lambda: ears.ups == 2)
        assert desk.key != old
        await desk.push(filled())
        await until(lambda: ears.events)
        assert [dial["listenKey"] for dial in desk.dials] == [old, desk.key]


async def test_a_key_that_somebody_deleted_is_noticed_in_the_silence(desk, follow):
    async with follow(quiet=0.3) as (_, ears):
        await until(lambda: ears.ups)
        desk.key = ""
        await until(lambda: ears.ups == 2)
        assert "does not exist" in ears.news[1][1]
        await desk.push(filled())
        await until(lambda: ears.events)


async def test_a_key_that_somebody_replaced_is_noticed_too(desk, follow):
    async with follow(quiet=0.3) as (_, ears):
        await until(lambda: ears.ups)
        desk.new_key()
        await until(lambda: ears.ups == 2)
        assert "replaced" in ears.news[1][1]
        assert desk.dials[-1]["listenKey"] == desk.key


async def test_a_busy_streams_key_is_only_renewed_in_time(desk, follow):
    async with follow(quiet=0.4, renew=1.2) as (_, ears):
        await until(lambda: ears.ups)
        for number in range(10):
            await asyncio.sleep(0.1)
            await desk.push(filled(trade_id=number + 1))
        assert len(desk.of(PUT)) == 1
        await until(lambda: len(desk.of(PUT)) > 1)
        assert ears.ups == 1


async def test_a_key_that_cannot_be_confirmed_now_is_no_reason_to_drop_the_socket(
    desk, follow, monkeypatch
):
    monkeypatch.setattr("market.binance.user_stream.ASK_AGAIN_SECONDS", 0.1)
    async with follow() as (_, ears):
        desk.on(PUT, (500, ""), refusal(-1001), {})
        await until(lambda: ears.ups)
        assert len(desk.dials) == 1


async def test_without_a_key_nothing_is_dialled_and_the_reason_is_reported(
    desk, follow
):
    desk.on(POST, refusal(-2015, "Invalid API-key, IP, or permissions", 401))
    async with follow() as (stream, ears):
        await until(lambda: len(ears.reports) >= 2)
        assert not desk.dials
        assert ears.kinds()[0] == "disconnected"
        assert "Invalid API-key" in ears.reports[0].reason
        assert ears.reports[0].error_type == "PROTOCOL"
        del desk.answers[POST]
        stream.connection.reconnect()
        await until(lambda: ears.ups)


async def test_before_the_24_hour_limit_a_second_socket_takes_over(desk, follow):
    async with follow(rotate_after=0.8, rotate_spread=0.0) as (stream, ears):
        await until(lambda: stream.connection.rotations >= 1)
        await until(lambda: len(desk.sockets) == 1)
        await desk.push(filled())
        await until(lambda: ears.events)
        assert "down" not in [kind for kind, _ in ears.news]


async def test_a_reader_that_is_behind_stops_the_socket_and_loses_nothing(desk, follow):
    async with follow() as (stream, ears):
        await until(lambda: ears.ups)
        stream.pause()
        await desk.push(*(filled(trade_id=n) for n in range(1, 21)))
        await asyncio.sleep(0.2)
        held = len(ears.events)
        stream.resume()
        await until(lambda: len(ears.events) == 20)
        assert held < 20
