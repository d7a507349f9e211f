import pytest

from core import redis as core_redis
from core import topics
from market import services


@pytest.mark.parametrize("name", ["quotes", "connections", "feed", "events"])
def test_the_topics_of_the_market_are_known(name):
    assert topics.rule_for(name).name == name


def test_every_symbol_has_a_topic_whose_listeners_are_made_known():
    assert topics.rule_for("symbol:BTCUSDT").watched is not None


async def test_a_listener_declares_interest_for_the_time_of_the_settings(bus, settings):
    seconds = settings.QUANTAI.market.interest_seconds
    before = int(bus.time()[0]) * 1000
    await topics.rule_for("symbol:ethusdt").watched("symbol:ethusdt")
    ((symbol, expiry),) = bus.zrange(
        services.interest_key("simulator"), 0, -1, withscores=True
    )
    assert symbol == b"ETHUSDT"
    assert before + seconds * 1000 <= expiry <= before + seconds * 1000 + 5000


async def test_without_redis_the_listener_is_told_by_a_known_error(settings):
    site = settings.QUANTAI.site.model_copy(
        update={"redis_url": "unix:///nonexistent/redis.sock"}
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    with pytest.raises(core_redis.UNAVAILABLE):
        await topics.rule_for("symbol:ethusdt").watched("symbol:ethusdt")
