import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from core import redis as core_redis


def test_keys_carry_the_products_prefix():
    assert core_redis.key("state", "simulator", "quotes") == (
        "quantai:state:simulator:quotes"
    )


def test_the_blocking_client_talks_to_the_server_of_the_settings(bus):
    with core_redis.sync_client() as client:
        client.set("quantai:probe", "1")
    assert bus.get("quantai:probe") == b"1"


async def test_the_asynchronous_client_talks_to_the_server_of_the_settings(bus):
    client = core_redis.client()
    await client.set("quantai:probe", "1")
    await client.aclose()
    assert bus.get("quantai:probe") == b"1"


async def test_a_server_that_is_away_is_among_the_named_errors(settings):
    site = settings.QUANTAI.site.model_copy(
        update={"redis_url": "unix:///nonexistent/redis.sock"}
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    client = core_redis.client()
    with pytest.raises(core_redis.UNAVAILABLE):
        await client.ping()
    await client.aclose()
    with core_redis.sync_client() as blocking, pytest.raises(RedisConnectionError):
        blocking.ping()
