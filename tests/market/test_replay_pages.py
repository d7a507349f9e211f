"""A replay on the pages: a real Redis gets its rows, and is left clean."""

import subprocess
import time

import pytest
from django.conf import settings
from redis.exceptions import ConnectionError as RedisConnectionError

from core import push, snapshot, wire
from core import redis as core_redis
from core.errors import InvalidInput
from market import services
from market.captures import Frame
from market.replay import Replay
from market.replay_pages import ReplayPages
from quantai_site import embedded_redis
from tests.payloads import golden_frames

VENUE = "simulator"
GOLDEN = golden_frames()


@pytest.fixture(scope="module")
def server():
    process = subprocess.Popen(
        embedded_redis.command(settings.QUANTAI.site), stdout=subprocess.DEVNULL
    )
    client = core_redis.sync_client()
    deadline = time.monotonic() + 10
    while True:
        try:
            client.ping()
            break
        except RedisConnectionError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.02)
    yield client
    client.close()
    process.terminate()
    process.wait(timeout=10)
    folder = embedded_redis.socket_folder(settings.QUANTAI.site.var)
    for path in folder.glob("*"):
        path.unlink()
    folder.rmdir()


@pytest.fixture
def redis(server):
    server.flushall()
    return server


def heard(subscriber):
    messages = []
    while (message := subscriber.get_message(timeout=0.5)) is not None:
        if message["type"] == "message":
            messages.append(push.parse(message["data"]))
    return messages


def test_rows_are_published_while_it_runs_and_gone_afterwards(redis):
    feed_epoch = wire.encode({"epoch": "feed-1"})
    redis.hset(core_redis.key("state", VENUE, "meta"), "feed", feed_epoch)
    redis.zadd(services.interest_key(VENUE), {"SUSHIUSDT": time.time() * 1000 + 60_000})
    subscriber = redis.pubsub()
    subscriber.subscribe(push.CHANNEL)
    replay = Replay()
    with ReplayPages(replay, venue=VENUE, push_hz=8.0) as pages:
        for raw in GOLDEN:
            replay.push(Frame(0, raw))
        pages.tick()
        rows = snapshot.read(redis, VENUE, "quotes")
        assert wire.decode(rows["BTCUSDT"])["b"] == 83680.0
        assert wire.decode(snapshot.read(redis, VENUE, "meta")["replay"])[
            "epoch"
        ].startswith("replay-")
    topics = {message.topic for message in heard(subscriber)}
    subscriber.close()
    assert {"quotes", "symbol:SUSHIUSDT"} <= topics
    assert snapshot.read(redis, VENUE, "quotes") == {}
    assert snapshot.read(redis, VENUE, "bars") == {}
    assert snapshot.read(redis, VENUE, "meta") == {"feed": feed_epoch}


def test_a_running_feed_keeps_the_pages_to_itself(redis):
    report = {"state": "running", "at": time.time() * 1000}
    redis.hset(core_redis.key("state", VENUE, "feed"), "feed", wire.encode(report))
    with (
        pytest.raises(InvalidInput, match="stop the feed first"),
        ReplayPages(Replay(), venue=VENUE, push_hz=8.0),
    ):
        pass


@pytest.mark.parametrize(
    "report", [{"state": "stopped", "at": 0}, {"state": "running", "at": 1}]
)
def test_a_stopped_or_dead_feed_does_not(redis, report):
    redis.hset(core_redis.key("state", VENUE, "feed"), "feed", wire.encode(report))
    with ReplayPages(Replay(), venue=VENUE, push_hz=8.0) as pages:
        pages.tick()
