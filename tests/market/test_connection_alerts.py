import pytest
from django.db import OperationalError

from core import alerts, wire
from core import redis as core_redis
from core.models import Alert
from market import connection_alerts
from market.binance.events import ConnectionEvent
from market.domain.state import MarketState
from market.publisher import Publisher
from market.writer import Writer

pytestmark = pytest.mark.django_db
START = 1_750_000_000_000
MINUTE = 60_000


@pytest.fixture(autouse=True)
def _bus(bus):
    return bus


def event(kind, *, at=START, connection="market-1", reason="10 dials without data"):
    return ConnectionEvent(
        at=at, connection=connection, route="market", kind=kind, reason=reason
    )


def tell(*events, venue="simulator"):
    connection_alerts.apply(venue=venue, events=events)


def unresolved():
    return list(
        Alert.objects.exclude(state="resolved")
        .order_by("key")
        .values_list("key", flat=True)
    )


def test_a_failed_connection_is_a_critical_alert_until_data_flows_again(caplog):
    tell(event("disconnected"), event("failed"))
    row = Alert.objects.get()
    assert row.key == "connection-failed:simulator:market-1"
    assert (row.severity, row.source) == ("critical", "websocket")
    assert row.text == "market-1: 10 dials without data"
    assert row.venue == "simulator"
    assert row.as_dict()["last_at"] == START
    assert "🚨 告警触发: websocket - critical - WebSocket未连接" in caplog.text
    tell(event("connected", connection="market-2"))
    assert unresolved() == [row.key]
    tell(event("connected", at=START + MINUTE))
    assert unresolved() == []
    assert Alert.objects.get().as_dict()["resolved_at"] == START + MINUTE


def test_failing_again_is_a_new_alert():
    tell(event("failed"), event("connected"), event("failed"))
    assert Alert.objects.count() == 2
    assert unresolved() == ["connection-failed:simulator:market-1"]


def test_a_refused_location_is_critical_until_it_is_let_in():
    tell(event("fatal", reason="handshake refused with HTTP 451"))
    row = Alert.objects.get()
    assert row.severity == "critical"
    assert "451" in row.text
    tell(event("connected"))
    assert unresolved() == []


def test_a_flapping_connection_stays_an_alert_until_it_is_steady():
    tell(event("flapping"), event("connected", at=START + MINUTE))
    assert unresolved() == ["connection-flapping:simulator:market-1"]
    assert Alert.objects.get().severity == "error"
    tell(event("steady", at=START + 6 * MINUTE))
    assert unresolved() == []


def test_one_that_flapped_in_an_earlier_run_is_resolved_by_its_data():
    tell(event("flapping"))
    tell(event("connected", at=START + 6 * MINUTE))
    assert unresolved() == []


def test_a_stopped_connection_has_no_alerts():
    tell(event("failed"), event("flapping"), event("fatal"))
    assert len(unresolved()) == 3
    tell(event("stopped"))
    assert unresolved() == []


def test_venues_do_not_mix():
    tell(event("failed"), venue="testnet")
    tell(event("connected"), venue="simulator")
    assert unresolved() == ["connection-failed:testnet:market-1"]
    assert alerts.alerts(venue="simulator") == []


def test_other_events_cost_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        tell(event("disconnected"), event("silent"), event("resubscribed"))


async def test_the_writer_alerts_although_the_database_is_away(bus, monkeypatch):
    def refuse(*arguments, **more):
        raise OperationalError("the server is gone")

    monkeypatch.setattr("core.alerts._store", refuse)
    monkeypatch.setattr("market.services.connection_events_store", refuse)
    redis = core_redis.client()
    writer = Writer("simulator", Publisher(redis, "simulator", "run", MarketState()))
    writer.event(event("failed"))
    with pytest.raises(OperationalError):
        await writer.flush()
    await redis.aclose()
    (waiting,) = bus.lrange(alerts.WAITING, 0, -1)
    assert wire.decode(waiting)["key"] == "connection-failed:simulator:market-1"


def test_the_alerts_of_a_lost_feeds_connections_end_with_it():
    for name in ("market-1", "feed-2.market-1", "feed-2.public-1", "feed-22.market-1"):
        connection_alerts.apply(
            venue="simulator", events=[event("failed", connection=name)]
        )
    connection_alerts.feed_gone(venue="simulator", feed="feed-2")
    left = Alert.objects.exclude(state="resolved").values_list("key", flat=True)
    assert {key.rpartition(":")[2] for key in left} == {"market-1", "feed-22.market-1"}
    connection_alerts.feed_gone(venue="simulator", feed="feed")
    left = Alert.objects.exclude(state="resolved").values_list("key", flat=True)
    assert {key.rpartition(":")[2] for key in left} == {"feed-22.market-1"}


def test_a_feed_that_shows_life_is_not_lost():
    connection_alerts.apply(
        venue="simulator", events=[event("taken_over", connection="feed-2")]
    )
    connection_alerts.feeds_alive(venue="simulator", feeds=["feed"])
    assert Alert.objects.exclude(state="resolved").exists()
    connection_alerts.feeds_alive(venue="simulator", feeds=["feed", "feed-2"])
    assert not Alert.objects.exclude(state="resolved").exists()
