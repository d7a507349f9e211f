"""What every test gets."""

import hypothesis
import pytest
import redis
from pytest_socket import socket_allow_hosts
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.redis_server import RedisServer

# How long one example takes is the machine's business, and others are at work on it.
hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")


class ByProduct(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Tests of the browser's one running product share a worker, others go by module.

    The largest first; benchmarks, which share nothing, fill up what is left.
    """

    def _split_scope(self, nodeid):
        if nodeid.startswith("tests/browser/"):
            return "browser"
        if nodeid.startswith("tests/benchmarks/"):
            return nodeid
        return super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """What ``--dist loadscope`` means here; see ``quantai``."""
    if config.getvalue("dist") == "loadscope":
        return ByProduct(config, log)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark every test that has a database: those run on both kinds."""
    for item in items:
        asked = {"db", "transactional_db"} & set(item.fixturenames)
        if asked or item.get_closest_marker("django_db"):
            item.add_marker("sql")


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
