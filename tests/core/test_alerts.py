import contextlib
import logging
import os
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import (
    IntegrityError,
    OperationalError,
    connection,
    connections,
    transaction,
)

from core import alerts, push, wire
from core.errors import Permanent
from core.models import Alert, AlertState, Severity

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = "connection-failed:simulator:market-1"


@pytest.fixture
def heard(bus):
    """What was pushed on the topic, parsed: (number of the last item, items)."""
    subscription = bus.pubsub(ignore_subscribe_messages=True)
    subscription.subscribe(push.CHANNEL)
    subscription.get_message(timeout=5)

    def messages():
        found = []
        while (message := subscription.get_message(timeout=0.1)) is not None:
            parsed = push.parse(message["data"])
            assert parsed.topic == "alerts"
            assert parsed.mode == "queue"
            found.append((parsed.seq, [wire.decode(raw) for _, raw in parsed.items]))
        return found

    yield messages
    subscription.close()


def raised(
    severity="critical", key=KEY, now=NOON, text="10 dials without data", **more
):
    return alerts.alert_raise(
        key=key,
        severity=severity,
        source="websocket",
        title="WebSocket未连接",
        text=text,
        now=now,
        **more,
    )


@pytest.mark.django_db
class TestRows:
    @pytest.fixture(autouse=True)
    def _bus(self, bus):
        return bus

    def test_a_key_has_one_row_that_counts_until_it_is_resolved(self):
        first = raised()
        assert raised(now=NOON + timedelta(minutes=1), text="again") == first
        row = Alert.objects.get()
        assert (row.count, row.first_at, row.text) == (2, NOON, "again")
        assert row.last_at == NOON + timedelta(minutes=1)
        assert alerts.alert_resolve(KEY, now=NOON + timedelta(minutes=2))
        assert not alerts.alert_resolve(KEY)
        second = raised()
        assert second != first
        assert [row.state for row in Alert.objects.all()] == ["open", "resolved"]

    def test_the_database_refuses_a_second_unresolved_row(self):
        raised()
        with pytest.raises(IntegrityError):
            Alert.objects.create(
                key=KEY,
                severity="info",
                source="x",
                title="x",
                state=AlertState.ACKNOWLEDGED,
                first_at=NOON,
                last_at=NOON,
            )

    @pytest.mark.parametrize(
        ("before", "after", "kept"),
        [
            ("warning", "critical", "critical"),
            ("critical", "warning", "critical"),
            ("info", "info", "info"),
        ],
    )
    def test_the_highest_severity_is_kept(self, before, after, kept):
        raised(before)
        raised(after)
        assert Alert.objects.get().severity == kept

    def test_who_acknowledges_is_kept_and_once_is_enough(self):
        number = raised()
        shown = alerts.alert_acknowledge(number, "olga", now=NOON)
        assert (shown["state"], shown["acknowledged_by"]) == ("acknowledged", "olga")
        assert alerts.alert_acknowledge(number, "ivan")["acknowledged_by"] == "olga"
        alerts.alert_resolve(KEY)
        with pytest.raises(Permanent):
            alerts.alert_acknowledge(number, "ivan")
        with pytest.raises(Alert.DoesNotExist):
            alerts.alert_acknowledge(number + 1, "ivan")

    def test_an_acknowledged_alert_opens_again_only_when_it_gets_worse(self):
        number = raised("warning")
        alerts.alert_acknowledge(number, "olga")
        raised("warning")
        assert Alert.objects.get().state == "acknowledged"
        raised("error")
        assert Alert.objects.get().state == "open"

    def test_an_alert_may_be_resolved_only_when_it_has_been_quiet(self):
        raised()
        assert not alerts.alert_resolve(KEY, quiet_since=NOON)
        assert alerts.alert_resolve(KEY, quiet_since=NOON + timedelta(seconds=1))

    def test_the_list_is_walked_with_a_cursor_and_filtered(self):
        for index in range(5):
            raised(
                "critical" if index % 2 else "info",
                key=f"k{index}",
                venue="" if index < 3 else "simulator",
            )
        raised(key="elsewhere", venue="binance")
        alerts.alert_resolve("k0")
        page = alerts.alerts(venue="simulator", limit=3)
        assert [row["key"] for row in page] == ["k4", "k3", "k2"]
        rest = alerts.alerts(venue="simulator", after=page[-1]["id"])
        assert [row["key"] for row in rest] == ["k1", "k0"]
        worst = alerts.alerts(venue="simulator", state="open", severity="critical")
        assert [row["key"] for row in worst] == ["k3", "k1"]
        assert alerts.alert_totals(venue="simulator") == {
            "open": 4,
            "acknowledged": 0,
            "resolved": 1,
        }

    def test_every_raise_is_one_log_line_at_its_level(self, caplog):
        raised()
        raised("info", key="other")
        lines = [r for r in caplog.records if r.name == "core.alerts"]
        assert [(r.levelno, r.getMessage()) for r in lines] == [
            (logging.CRITICAL, "🚨 告警触发: websocket - critical - WebSocket未连接"),
            (logging.INFO, "🚨 告警触发: websocket - info - WebSocket未连接"),
        ]

    def test_an_unknown_severity_is_refused(self):
        with pytest.raises(ValueError, match="catastrophe"):
            raised("catastrophe")


@pytest.mark.django_db(transaction=True)
class TestPushes:
    def test_every_change_is_pushed_once_and_numbered(self, heard):
        number = raised()
        raised()
        alerts.alert_acknowledge(number, "olga")
        alerts.alert_acknowledge(number, "olga")
        alerts.alert_resolve(KEY)
        pushed = heard()
        assert [seq for seq, _ in pushed] == [1, 2, 3, 4]
        rows = [items[0] for _, items in pushed]
        assert [row["id"] for row in rows] == [f"{number}.{n}" for n in (1, 2, 3, 4)]
        assert [row["alert"]["state"] for row in rows] == [
            "open",
            "open",
            "acknowledged",
            "resolved",
        ]
        assert rows[1]["alert"] == {**rows[0]["alert"], "count": 2, "revision": 2}

    def test_nothing_is_pushed_of_what_was_not_committed(self, heard):
        with transaction.atomic():
            raised()
            transaction.set_rollback(True)
            assert heard() == []
        assert heard() == []
        assert not Alert.objects.exists()

    def test_without_redis_the_row_is_stored_all_the_same(self, settings, caplog):
        site = settings.QUANTAI.site.model_copy(
            update={"redis_url": "redis://127.0.0.1:1/0"}
        )
        settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
        assert raised() == Alert.objects.get().id
        assert "browsers are not told of alerts" in caplog.text

    def test_many_at_once_make_one_row_and_lose_no_count(self, bus):
        threads, each = 6, 8
        errors = []
        ready = threading.Barrier(threads)

        def work():
            try:
                ready.wait(10)
                for _ in range(each):
                    raised()
            except Exception as error:  # told below, in the test's own thread
                errors.append(error)
            finally:
                connections.close_all()

        _together(work, threads)
        assert errors == []
        row = Alert.objects.get()
        assert (row.count, row.state) == (threads * each, "open")
        assert row.revision == threads * each

    def test_raising_and_resolving_at_once_leaves_one_unresolved_row_at_most(self, bus):
        errors = []

        def work():
            try:
                for turn in range(10):
                    if turn % 2:
                        raised()
                    else:
                        alerts.alert_resolve(KEY)
            except Exception as error:
                errors.append(error)
            finally:
                connections.close_all()

        _together(work, 4)
        assert errors == []
        assert Alert.objects.exclude(state="resolved").count() <= 1
        assert sum(row.count for row in Alert.objects.all()) == 20


def _together(work, number):
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        pytest.skip("threads share one connection of an in-memory database")
    jobs = [threading.Thread(target=work) for _ in range(number)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)


PROCESS = """
from core import alerts
for turn in range({each}):
    alerts.alert_raise(key="k", severity="error", source="test", title="t", text="")
"""


@pytest.mark.slow
def test_several_processes_share_one_row_on_sqlite(tmp_path):
    environ = {"QUANTAI_VAR": str(tmp_path / "var"), "PATH": os.environ["PATH"]}
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run(
        [*manage, "migrate", "core", "--verbosity", "0"], env=environ, check=True
    )
    code = PROCESS.format(each=20)
    jobs = [
        subprocess.Popen(
            [*manage, "shell", "--no-imports", "-c", code],
            env=environ,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(4)
    ]
    assert [job.wait(120) for job in jobs] == [0, 0, 0, 0]
    with contextlib.closing(sqlite3.connect(tmp_path / "var/quantai.sqlite3")) as file:
        rows = file.execute("SELECT count, state FROM core_alert").fetchall()
    assert rows == [(80, "open")]


@pytest.mark.django_db(transaction=True)
class TestWithoutADatabase:
    @pytest.fixture
    def away(self, monkeypatch):
        """The database is away until the returned function is called."""

        def refuse(alert, at):
            raise OperationalError("the server is gone")

        with monkeypatch.context() as patch:
            patch.setattr(alerts, "_store", refuse)
            yield patch.undo

    def test_alerts_wait_in_redis_and_are_stored_later(self, bus, away, caplog):
        assert raised(venue="simulator") is None
        assert raised(now=NOON + timedelta(seconds=5)) is None
        assert "🚨 告警触发: websocket - critical - WebSocket未连接" in caplog.text
        away()
        assert not Alert.objects.exists()
        assert raised(key="other") is not None
        row = Alert.objects.get(key=KEY)
        assert (row.count, row.first_at) == (2, NOON)
        assert row.last_at == NOON + timedelta(seconds=5)
        assert row.venue == "simulator"
        assert bus.llen(alerts.WAITING) == 0

    def test_only_the_newest_wait(self, bus, away, monkeypatch):
        monkeypatch.setattr(alerts, "WAITING_KEPT", 3)
        for index in range(5):
            raised(key=f"k{index}")
        kept = [wire.decode(raw)["key"] for raw in bus.lrange(alerts.WAITING, 0, -1)]
        assert kept == ["k2", "k3", "k4"]

    def test_without_redis_too_the_log_alone_has_it(self, away, settings, caplog):
        site = settings.QUANTAI.site.model_copy(
            update={"redis_url": "redis://127.0.0.1:1/0"}
        )
        settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
        assert raised() is None
        assert alerts.alerts_store_waiting() == 0
        assert "🚨 告警触发: websocket - critical - WebSocket未连接" in caplog.text
        assert "stays in the log alone" in caplog.text

    def test_what_cannot_be_stored_yet_goes_on_waiting(self, bus, away):
        raised()
        assert alerts.alerts_store_waiting() == 0
        assert bus.llen(alerts.WAITING) == 1


def test_severities_are_ranked():
    assert Severity.INFO.below == []
    assert Severity.CRITICAL.below == ["info", "warning", "error"]
