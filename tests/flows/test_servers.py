import os

import psycopg
import pytest
import redis

from tests import postgres
from tests.flows.running import Running

pytestmark = [pytest.mark.flow, pytest.mark.slow]


@pytest.fixture
def database_url():
    folder = postgres.programs()
    if folder is None:
        assert os.environ.get("CI") != "true", "CI must have PostgreSQL"
        pytest.skip("no PostgreSQL on this machine")
    with postgres.cluster(folder) as url:
        yield url


def test_two_urls_move_it_to_postgresql_and_a_redis_server(
    tmp_path, database_url, redis_server
):
    with Running(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_server.url) as up:
        up.wait_for(r"Open http://")
        up.wait_for(r"feed\s+running")
        assert "redis " not in up.text
        assert not (tmp_path / "quantai.sqlite3").exists()
        with psycopg.connect(database_url) as connection:
            users = connection.execute("SELECT username FROM accounts_user").fetchall()
        assert users == [("admin",)]
        with redis.Redis.from_url(redis_server.url) as client:
            assert client.keys("quantai:*")
        assert up.stop() == 0
