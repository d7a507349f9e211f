"""Moments as milliseconds."""

import time
from datetime import UTC, datetime, timedelta, timezone

from core.clock import ms_of


def test_a_moment_without_a_zone_is_utc_whatever_the_machine_s_zone(monkeypatch):
    plain = datetime(2026, 11, 25, 8)  # noqa: DTZ001 - the case in question
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert plain.timestamp() * 1000 != 1_795_593_600_000
        assert ms_of(plain) == ms_of(plain.replace(tzinfo=UTC)) == 1_795_593_600_000
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_zone_counts_and_nothing_stays_nothing():
    east = timezone(timedelta(hours=8))
    assert ms_of(datetime(2026, 11, 25, 16, tzinfo=east)) == 1_795_593_600_000
    assert ms_of(None) is None
