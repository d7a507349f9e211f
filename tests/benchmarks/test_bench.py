"""Each bench runs from one end to the other with tiny sizes; nothing is timed here."""

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from core.benchmark import Row, at_least, at_most
from quantai_site.management.commands import bench

ROWS = {
    "ingest": ["firehose, picows", "firehose, websockets", "paced", "feed, resident"],
    "fanout": ["daphne: CPU", "uvicorn: CPU", "latency p99", "exchange to browser"],
    "store": ["SQLite, 840 candles", "PostgreSQL"],
    "scan": ["10 symbols × 2 intervals", "every bar new"],
    "indicators": ["10 series × 500 bars, TA-Lib", "NumPy backend", "one new bar"],
    "orders": ["2 accounts on the exchange, 50 ms", "2 paper accounts"],
    "start": ["page served", "280 kline streams live", "Ctrl-C", "default load: feed"],
}


@pytest.mark.flow
@pytest.mark.slow
@pytest.mark.parametrize("name", list(ROWS))
def test_a_quick_bench_prints_its_rows_and_writes_them(name, tmp_path):
    shown, notes, file = io.StringIO(), io.StringIO(), tmp_path / "result.json"

    call_command(
        "bench", name, "--quick", "--json", str(file), stdout=shown, stderr=notes
    )

    for part in ROWS[name]:
        assert part in shown.getvalue()
    assert "round 1/1" in notes.getvalue()
    document = json.loads(file.read_text())
    assert document["benchmark"] == name
    assert len(document["calibration_ms"]) >= 2
    assert all(row["value"] is None or row["value"] >= 0 for row in document["rows"])


class Fixed:
    """A bench that measures nothing."""

    name = "fixed"
    default_rounds = 3

    def __init__(self, *rows):
        self._rows = list(rows)

    def run(self, session):
        session.calibration_ms = [1.0]
        return self._rows


def run_fixed(monkeypatch, *rows, flags=()):
    monkeypatch.setattr(bench, "_load", lambda name: Fixed(*rows))
    shown = io.StringIO()
    call_command("bench", "store", *flags, stdout=shown, stderr=io.StringIO())
    return shown.getvalue()


def test_a_missed_must_ends_with_an_error(monkeypatch):
    with pytest.raises(CommandError, match="missed: too slow"):
        run_fixed(monkeypatch, Row("too slow", 3.0, must=at_most(2)))


def test_a_missed_target_is_no_error(monkeypatch):
    shown = run_fixed(monkeypatch, Row("fair", 1.6, "×", at_least(1.5), at_least(3)))
    assert "fair" in shown
    assert "≥ 1.5" in shown


def test_a_quick_run_judges_nothing(monkeypatch):
    row = Row("too slow", 3.0, must=at_most(2))
    assert "sizes too small" in run_fixed(monkeypatch, row, flags=("--quick",))


def test_rounds_below_one_are_refused():
    with pytest.raises(CommandError, match="at least 1"):
        call_command("bench", "store", "--rounds", "0")
