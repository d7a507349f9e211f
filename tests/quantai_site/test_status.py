import time

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from core import wire
from quantai_site import status

pytestmark = pytest.mark.django_db


class FakeRedis:
    """A server that answers, or not."""

    def __init__(self, *, away=False):
        self.away = away

    def ping(self):
        if self.away:
            raise RedisConnectionError("refused")

    def close(self):
        self.closed = True


@pytest.fixture
def redis(monkeypatch):
    server = FakeRedis()
    monkeypatch.setattr(status.core_redis, "sync_client", lambda: server)
    return server


@pytest.fixture
def feed(monkeypatch):
    """Sets when the feed reported last."""

    def feed(age_seconds):
        raw = None
        if age_seconds is not None:
            raw = wire.encode({"at": int((time.time() - age_seconds) * 1000)})
        monkeypatch.setattr(status.snapshot, "read_one", lambda *place: raw)

    feed(1)
    return feed


def test_healthz_answers_without_login(client):
    response = client.get("/healthz")
    assert response.json() == {"status": "alive"}
    assert "no-cache" in response["Cache-Control"]


def test_ready_when_every_part_is(client, redis, feed):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "parts": dict.fromkeys(("database", "migrations", "redis", "feed"), "ok"),
    }


def test_not_ready_without_redis_and_the_feed_is_unknown(client, redis, monkeypatch):
    redis.away = True

    def refuse(*place):
        raise RedisConnectionError("refused")

    monkeypatch.setattr(status.snapshot, "read_one", refuse)
    response = client.get("/readyz")
    assert response.status_code == 503
    parts = response.json()["parts"]
    assert parts["redis"] == "unreachable: ConnectionError"
    assert parts["feed"] == "unknown: Redis is unreachable"
    assert parts["database"] == "ok"


@pytest.mark.parametrize(
    ("age", "said"), [(None, "has not reported yet"), (60, "silent for 60 s")]
)
def test_not_ready_while_the_feed_is_silent(client, redis, feed, age, said):
    feed(age)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["feed"] == said


def test_not_ready_while_migrations_are_missing(client, redis, feed, monkeypatch):
    monkeypatch.setattr(status, "migrations_missing", lambda: 2)
    assert client.get("/readyz").json()["parts"]["migrations"] == "2 migrations missing"
