"""What every test gets."""

import hypothesis
import pytest
import redis
from pytest_socket import socket_allow_hosts

from tests.redis_server import RedisServer

# How long one example takes is the machine's business, and others are at work on it.
hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests of one running product share a worker, in their order; see ``quantai``.

    First of all, since pytest-xdist reads the groups in the same hook.
    """
    for item in items:
        browser = item.get_closest_marker("browser")
        item.add_marker(pytest.mark.xdist_group("browser" if browser else "others"))


@pytest.fixture(autouse=True)
def _loopback_only():
    """No test reaches beyond this machine."""
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """One real Redis server for the whole session; ``bus`` gives it empty."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bus(redis_server, settings):
    """The product's settings point at a real, empty Redis; gives a blocking client."""
    site = settings.QUANTAI.site.model_copy(update={"redis_url": redis_server.url})
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        yield client
