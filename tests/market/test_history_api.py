import csv
import io
import json
import time

import pytest
from pyarrow import parquet

from core import snapshot, wire
from market.models import ConnectionEvent

pytestmark = pytest.mark.django_db
BASE = "/api/v1/market/connections"
MINUTE = 60_000


@pytest.fixture(autouse=True)
def _bus(bus):
    return bus


@pytest.fixture
def client(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("olga"))
    return client


@pytest.fixture
def now():
    return int(time.time() * 1000)


def store(*events, venue="simulator"):
    rows = ConnectionEvent.objects.bulk_create(
        ConnectionEvent(
            venue=venue,
            at=at,
            connection="market-1",
            route="market",
            kind=kind,
            reason="the line was cut",
        )
        for at, kind in events
    )
    return [row.id for row in rows]


def body(response):
    assert response.status_code == 200, response.content
    return response.getvalue()


def test_events_are_exported_by_time_and_paged_by_id(client, now):
    ids = store(*((now - (9 - n) * MINUTE, "disconnected") for n in range(9)))
    store((now, "disconnected"), venue="binance")
    query = {"kind": "events", "since": now - 7 * MINUTE, "until": now - 2 * MINUTE}
    found = json.loads(body(client.get(f"{BASE}/export", query)))
    assert (found["venue"], found["badge"]) == ("simulator", "SIMULATED")
    assert [row["id"] for row in found["rows"]] == ids[2:7]
    query |= {"after": ids[3], "limit": 2, "format": "ndjson"}
    lines = body(client.get(f"{BASE}/export", query)).splitlines()
    assert [json.loads(line)["id"] for line in lines] == ids[4:6]


def test_times_may_be_iso_texts(client, now):
    store((now - 2 * MINUTE, "failed"))
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now / 1000 - 180))
    for text in (since, since + "Z"):
        query = {"kind": "events", "since": text, "format": "csv"}
        rows = body(client.get(f"{BASE}/export", query)).decode().splitlines()
        assert len(rows) == 2


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "trades"},
        {"format": "xlsx"},
        {"kind": "events", "since": "2026-01-02", "until": "2026-01-01"},
        {"kind": "events", "limit": 0},
    ],
)
def test_what_cannot_be_exported_is_refused(client, query):
    assert client.get(f"{BASE}/export", query).status_code == 422


def test_statistics_have_a_row_per_connection_and_a_total(client, bus):
    connection = {
        "id": "market-1",
        "route": "market",
        "state": "live",
        "reconnects": 3,
        "rtt_ms": {"p50": 1.5, "p99": 9.0},
        "errors": {"SSL": 2},
    }
    sums = {
        "total_reconnects": 3,
        "success_rate": 1.0,
        "error_distribution": {"SSL": 2},
    }
    table = {
        "market-1": connection,
        "totals": {"streams_live": 40, "at": 1},
        "reconnect_statistics": sums,
    }
    pipeline = bus.pipeline()
    items = [(name, wire.encode(value)) for name, value in table.items()]
    snapshot.stage_replace(pipeline, "simulator", "connections", items)
    pipeline.execute()
    raw = body(client.get(f"{BASE}/export", {"format": "csv"})).decode()
    one, total = csv.DictReader(io.StringIO(raw, newline=""))
    assert (one["scope"], one["id"], one["rtt_p99_ms"]) == (
        "connection",
        "market-1",
        "9.0",
    )
    assert (one["errors_ssl"], one["badge"]) == ("2", "SIMULATED")
    assert (total["scope"], total["streams_live"], total["reconnects"]) == (
        "total",
        "40",
        "3",
    )
    raw = body(client.get(f"{BASE}/export", {"format": "parquet"}))
    assert parquet.read_table(io.BytesIO(raw)).num_rows == 2


def test_patterns_are_told_with_their_evidence(client, now):
    hour = 60 * MINUTE
    first = now // hour * hour - 7 * hour + 17 * MINUTE
    store((first - MINUTE, "connected"))
    for turn in range(6):
        at = first + turn * hour
        store((at, "disconnected"), (at + 1000, "connected"))
    found = client.get(f"{BASE}/patterns").json()
    assert found["losses"] == 6
    (pattern,) = found["patterns"]
    assert pattern["kind"] == "minute_of_hour"
    assert len(pattern["times"]) >= 5
    assert client.get(f"{BASE}/patterns", {"days": 0}).status_code == 422


def test_incidents_of_the_last_hours(client, now):
    store((now - 30 * 60 * MINUTE, "failed"), (now - MINUTE, "failed"))
    found = client.get(f"{BASE}/incidents", {"hours": 24}).json()
    assert [row[1:4] for row in found["incidents"]] == [
        [now - MINUTE, "market-1", "failed"]
    ]
    assert found["complete"]
    assert found["until"] - found["since"] == 24 * 60 * MINUTE
