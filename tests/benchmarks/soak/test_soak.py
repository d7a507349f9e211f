"""The soak with its real processes: an hour of faults, and an early end."""

import io
import json
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from benchmarks.soak import soak as soak_module
from quantai_site.site_settings import BASE_DIR

ENDED_SECONDS = 60


@pytest.mark.flow
@pytest.mark.alone
@pytest.mark.slow
def test_an_hour_with_twelve_faults_loses_nothing(tmp_path):
    shown, notes = io.StringIO(), io.StringIO()
    file, tables = tmp_path / "soak.json", tmp_path / "soak.md"
    begun = time.monotonic()

    call_command(
        "soak", "--hours", "1", "--json", str(file), "--markdown", str(tables),
        stdout=shown, stderr=notes,
    )  # fmt: skip

    assert time.monotonic() - begun < 120
    assert "nothing was lost" in shown.getvalue()
    assert "/12  streams" in notes.getvalue()
    found = json.loads(file.read_text())
    assert len(found["faults"]) == 12
    assert {"feed_kill", "simulator_kill"} <= {line["kind"] for line in found["faults"]}
    assert all(line["hits"] for line in found["faults"])
    assert found["verdict"]["series"] == 40
    assert found["verdict"]["bars"] >= 1400
    assert found["verdict"]["trades"] > 500
    assert found["verdict"]["gaps_filled"] > 0
    assert found["reconnects"]["success_rate"] >= 0.95
    assert "| closed candles missing | 0 |" in tables.read_text()


@pytest.mark.flow
@pytest.mark.alone
@pytest.mark.slow
def test_an_interrupted_soak_reports_what_it_has_and_leaves_no_process(tmp_path):
    file = tmp_path / "soak.json"
    process = subprocess.Popen(
        [sys.executable, BASE_DIR / "manage.py", "soak", "--json", file],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        for line in process.stderr:
            # A busy machine says so less often.
            if re.search(r"faults ([1-9]|10)/12", line):
                break
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        shown, notes = process.communicate(timeout=ENDED_SECONDS)

    assert process.returncode == 0, notes
    assert "nothing was lost" in shown
    found = json.loads(file.read_text())
    assert found["run"]["interrupted"]
    assert 1 <= len(found["faults"]) < 12
    assert len(family) >= 4
    assert psutil.wait_procs(family, timeout=5)[1] == []


def lost(wanted, say):
    document = {"lost": True, "verdict": {"examples": ["missing: BTCUSDT 1m 60"]}}
    return {**document, "kept": "/somewhere", "text": ["a table"], "markdown": []}


def test_a_loss_ends_with_an_error_that_names_what_was_kept(monkeypatch):
    monkeypatch.setattr(soak_module, "soak", lost)
    shown = io.StringIO()
    with pytest.raises(CommandError, match="lost; kept in /somewhere"):
        call_command("soak", stdout=shown)
    assert "missing: BTCUSDT 1m 60" in shown.getvalue()


def test_faults_that_do_not_fit_are_refused_before_anything_starts():
    with pytest.raises(CommandError, match="at most 13"):
        call_command("soak", "--faults", "50")
