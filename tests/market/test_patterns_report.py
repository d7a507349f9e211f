import json

import pytest
from django.core.management import call_command

from core.models import Alert
from market import patterns_report
from market.models import ConnectionEvent
from tests.clock import FakeClock

pytestmark = pytest.mark.django_db
HOUR = 3_600_000
START = 1_750_000_000_000 // HOUR * HOUR


@pytest.fixture(autouse=True)
def _bus(bus):
    return bus


def store_losses(times, *, venue="simulator", start=START):
    rows = [(start, "connected")]
    for at in times:
        rows += [(at, "disconnected"), (at + 2_000, "connected")]
    ConnectionEvent.objects.bulk_create(
        ConnectionEvent(
            venue=venue,
            at=at,
            connection="market-1",
            route="market",
            kind=kind,
            reason="",
        )
        for at, kind in rows
    )


def planted(hours=6):
    return [START + hour * HOUR + 17 * 60_000 for hour in range(hours)]


def tell(now_ms):
    return patterns_report.tell(venue="simulator", clock=FakeClock(now_ms), days=30)


def test_six_losses_at_minute_17_are_reported_with_evidence():
    store_losses(planted())
    found = patterns_report.report(venue="simulator", now_ms=START + 6 * HOUR, days=30)
    assert (found["losses"], found["observed_seconds"] // 3600) == (6, 5)
    assert (found["threshold"], found["least_occasions"]) == (0.001, 4)
    (pattern,) = found["patterns"]
    assert pattern["kind"] == "minute_of_hour"
    assert "17 min" in pattern["summary"]
    assert pattern["times"] == tuple(planted())
    assert pattern["current"]
    assert "cron" in pattern["advice"]


def test_a_pattern_is_alerted_once_and_resolved_when_it_stays_away(caplog):
    store_losses(planted())
    assert tell(START + 6 * HOUR) == 1
    assert tell(START + 7 * HOUR) == 1
    row = Alert.objects.get()
    assert row.key == "connection-pattern:simulator:minute_of_hour"
    assert (row.count, row.severity, row.state) == (1, "warning", "open")
    assert "17 min" in row.text
    assert caplog.text.count("告警触发: patterns - warning") == 1
    assert tell(START + 12 * HOUR) == 0
    assert Alert.objects.get().state == "resolved"


def test_chance_raises_nothing():
    store_losses([START + 11 * 60_000, START + 5 * HOUR + 41 * 60_000])
    assert tell(START + 6 * HOUR) == 0
    assert not Alert.objects.exists()


def test_the_command_prints_the_evidence(capsys, monkeypatch):
    monkeypatch.setattr(
        "market.management.commands.patterns.SystemClock.now_ms",
        lambda self: START + 6 * HOUR,
    )
    call_command("patterns")
    assert "No pattern" in capsys.readouterr().out
    store_losses(planted())
    call_command("patterns", days=2)
    printed = capsys.readouterr().out
    assert "6 losses of live connections in 6.0 observed hours on simulator" in printed
    assert "17 min" in printed
    assert "still going on; connections market-1" in printed
    assert ":17:00Z" in printed
    call_command("patterns", json=True)
    assert json.loads(capsys.readouterr().out)["patterns"][0]["occasions"] >= 5
