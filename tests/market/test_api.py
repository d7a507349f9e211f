import threading
import time

import pytest
from django.contrib.auth.models import Group
from django.db import connections
from django.test import Client

from accounts.models import User
from accounts.services import token_create
from core.access import Role, Scope
from market import api, selectors, services
from market.models import FeedCommand
from tests.market import frames
from tests.market.test_services import event, store_instruments

BASE = "/api/v1/market"
VENUE = "simulator"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]
ROW = {
    "id": "market-1", "route": "market", "state": "live", "streams_expected": 2,
    "streams_live": 2, "streams_silent": 0, "uptime_seconds": 5.0, "reconnects": 0,
    "rtt_ms": {"p50": 1.0, "p99": 2.0}, "messages": 7, "bytes": 70,
    "last_message_age_seconds": 0.1, "errors": {"SSL": 0}, "history": [],
}  # fmt: skip


def person(role):
    user = User.objects.create(username=f"a {role}")
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    return user


def browser(role):
    client = Client()
    client.force_login(person(role))
    return client


def bearer(role, scope):
    _, text = token_create(user=person(role), scope=scope, days=None)
    return Client(headers={"Authorization": f"Bearer {text}"})


@pytest.fixture
def viewer(db):
    return browser(Role.VIEWER)


@pytest.fixture
def quick(monkeypatch):
    """Do not wait long for a feed that is not there."""
    monkeypatch.setattr(api, "ACKNOWLEDGE_SECONDS", 0.05)
    monkeypatch.setattr(api, "POLL_SECONDS", 0.01)


@pytest.fixture
def reported(publish):
    publish(
        frames.book_ticker("BTCUSDT", 5),
        frames.agg_trade("BTCUSDT", 3),
        statuses=[
            (
                "connections",
                [("market-1", ROW), ("totals", {}), ("reconnect_statistics", {})],
            ),
            ("feed", [("feed", {"at": 5, "state": "running"})]),
        ],
    )


def check_error(answer, status, code):
    assert answer.status_code == status
    body = answer.json()
    assert set(body) == {"code", "message", "details"}
    assert body["code"] == code
    assert body["message"]
    return body


def test_connections_have_the_published_shape(viewer, reported):
    answer = viewer.get(f"{BASE}/connections")
    assert answer.status_code == 200
    body = answer.json()
    (row,) = body["connections"]
    assert set(ROW) <= set(row)
    assert row["rtt_ms"] == {"p50": 1.0, "p99": 2.0}
    assert {"totals", "reconnect_statistics", "venue", "feed", "epoch"} <= set(body)
    assert body["venue"] == VENUE
    assert body["feed"]["state"] == "running"


@pytest.mark.parametrize(
    "path",
    [
        "/connections",
        "/symbols",
        "/klines?symbol=BTCUSDT",
        "/depth?symbol=BTCUSDT",
        "/trades?symbol=BTCUSDT",
        "/events",
    ],
)
def test_nobody_reads_without_a_login(path):
    check_error(Client().get(BASE + path), 401, "not_authenticated")


@pytest.mark.parametrize(
    "path", ["/connections/market-1/reconnect", "/feed/stop", "/feed/start"]
)
def test_who_may_only_look_cannot_order_anything(reported, quick, path):
    check_error(browser(Role.VIEWER).post(BASE + path), 403, "not_allowed")
    check_error(bearer(Role.TRADER, Scope.READ).post(BASE + path), 403, "not_allowed")
    check_error(Client().post(BASE + path), 401, "not_authenticated")
    assert not FeedCommand.objects.exists()


def test_a_viewers_trade_token_orders_nothing_either(reported, quick):
    token = bearer(Role.VIEWER, Scope.TRADE)
    check_error(token.post(f"{BASE}/feed/stop"), 403, "not_allowed")


def test_a_browser_needs_the_csrf_token_to_order(quick):
    client = Client(enforce_csrf_checks=True)
    client.force_login(person(Role.TRADER))
    assert client.post(f"{BASE}/feed/stop").status_code == 403
    assert not FeedCommand.objects.exists()


@pytest.mark.parametrize("make", [browser, lambda r: bearer(r, Scope.TRADE)])
def test_a_trader_orders_and_is_told_when_no_feed_answers(reported, quick, make):
    answer = make(Role.TRADER).post(f"{BASE}/connections/market-1/reconnect")
    assert answer.status_code == 200
    command = FeedCommand.objects.get()
    body = answer.json()
    assert body["command"] == command.id
    assert body["acknowledged"] is False
    assert "stays ordered" in body["result"]
    assert (command.kind, command.target) == ("reconnect", "market-1")
    assert command.requested_by == f"a {Role.TRADER}"


def test_an_unknown_connection_is_not_found(reported, quick):
    answer = browser(Role.TRADER).post(f"{BASE}/connections/market-9/reconnect")
    check_error(answer, 404, "not_found")
    assert not FeedCommand.objects.exists()


def test_a_feed_can_only_be_started_or_stopped(quick):
    body = check_error(
        browser(Role.TRADER).post(f"{BASE}/feed/explode"), 422, "invalid_input"
    )
    assert body["details"]


@pytest.mark.django_db(transaction=True)
def test_the_answer_waits_for_the_feeds_acknowledgement(reported):
    def feed():
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for command in selectors.feed_commands_waiting(venue=VENUE):
                services.feed_command_acknowledge(
                    command_id=command.id, result="stopped"
                )
                connections.close_all()
                return
            time.sleep(0.02)

    owner = threading.Thread(target=feed)
    trader = browser(Role.TRADER)
    owner.start()
    answer = trader.post(f"{BASE}/feed/stop").json()
    owner.join()
    assert answer["acknowledged"] is True
    assert answer["result"] == "stopped"
    assert selectors.feed_desired(venue=VENUE) == "stopped"


def test_symbols_carry_rules_rank_and_newest_prices(viewer, reported):
    store_instruments("BTCUSDT")
    body = viewer.get(f"{BASE}/symbols").json()
    (row,) = body["symbols"]
    assert {"symbol", "base", "quote", "tick_size", "step_size", "status"} <= set(row)
    assert {"k", "n", "p", "o", "c", "h", "l", "v", "q", "b", "B", "a", "A"} <= set(row)
    assert (row["rank"], row["b"]) == (1, 5.5)


def test_klines_are_oldest_first_in_any_case_of_the_symbol(viewer):
    services.CandleStore(VENUE).store([frames.candle("BTCUSDT", n) for n in range(4)])
    answer = viewer.get(f"{BASE}/klines?symbol=btcusdt&interval=15m&limit=3").json()
    assert (answer["symbol"], answer["interval"]) == ("BTCUSDT", "15m")
    assert [row[0] for row in answer["bars"]] == [
        frames.BASE_MS + n * frames.QUARTER_MS for n in (1, 2, 3)
    ]
    assert all(len(row) == 9 for row in answer["bars"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("symbol=BTCUSDT&interval=7m", "interval"),
        ("symbol=BTCUSDT&limit=0", "limit"),
        ("symbol=BTCUSDT&limit=1501", "limit"),
        ("symbol=BTCUSDT&limit=many", "limit"),
        ("interval=15m", "symbol"),
    ],
)
def test_a_wrong_parameter_is_named(viewer, query, field):
    body = check_error(viewer.get(f"{BASE}/klines?{query}"), 422, "invalid_input")
    assert any(field in detail["field"] for detail in body["details"])


def test_book_and_trades_exist_for_symbols_somebody_looks_at(viewer, reported):
    answer = viewer.get(f"{BASE}/trades?symbol=btcusdt").json()
    assert answer["k"] == "trades"
    assert {"n", "items", "epoch", "symbol"} <= set(answer)


def test_who_asks_for_a_book_looks_at_it_and_is_told_that_it_comes(
    viewer, reported, bus
):
    answer = viewer.get(f"{BASE}/depth?symbol=btcusdt")
    assert (answer.status_code, set(answer.json())) == (202, {"symbol", "epoch"})
    assert bus.zrange(services.interest_key(VENUE), 0, -1) == [b"BTCUSDT"]


def test_a_symbol_that_is_not_followed_is_not_looked_at(viewer, reported, bus):
    body = check_error(viewer.get(f"{BASE}/depth?symbol=NOUSDT"), 404, "no_data")
    assert "NOUSDT is not followed" in body["message"]
    assert not bus.exists(services.interest_key(VENUE))


def test_events_are_paged_by_id(viewer):
    ids = services.connection_events_store(
        venue=VENUE, events=[event(at) for at in range(5)]
    )
    page = viewer.get(f"{BASE}/events?after={ids[1]}&limit=2").json()
    assert [row["id"] for row in page["events"]] == ids[2:4]
    assert {"epoch", "seq"} <= set(page)
    newest = viewer.get(f"{BASE}/events?limit=2").json()
    assert [row["id"] for row in newest["events"]] == ids[3:]
    check_error(viewer.get(f"{BASE}/events?limit=501"), 422, "invalid_input")


@pytest.fixture
def no_redis(bus, settings):
    site = settings.QUANTAI.site.model_copy(
        update={"redis_url": "unix:///nonexistent/redis.sock"}
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})


@pytest.mark.usefixtures("no_redis")
@pytest.mark.parametrize("path", ["/connections", "/symbols"])
def test_without_redis_the_answer_is_503_and_says_so(viewer, path):
    check_error(viewer.get(BASE + path), 503, "unavailable")


@pytest.mark.usefixtures("no_redis")
@pytest.mark.parametrize("path", ["/events", "/signals"])
def test_what_is_stored_is_read_without_redis(viewer, path):
    answer = viewer.get(BASE + path).json()
    assert (answer[path[1:]], answer["epoch"], answer["seq"]) == ([], "", 0)


@pytest.mark.django_db(transaction=True)
def test_without_redis_the_feed_can_still_be_ordered_to_stop(settings, quick, caplog):
    site = settings.QUANTAI.site.model_copy(
        update={"redis_url": "unix:///nonexistent/redis.sock"}
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [site.redis_url]},
        }
    }
    answer = browser(Role.TRADER).post(f"{BASE}/feed/stop")
    assert answer.status_code == 200
    assert selectors.feed_desired(venue=VENUE) == "stopped"
    assert "feed not woken" in caplog.text
