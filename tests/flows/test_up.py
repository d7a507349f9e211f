import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from tests.flows.running import ROOT, Running, gone

pytestmark = [pytest.mark.flow, pytest.mark.slow]
OPEN = r"Open http://127\.0\.0\.1:\d+/"


def test_one_command_brings_up_the_page_and_ctrl_c_leaves_nothing(tmp_path):
    with Running(tmp_path / "a var", TRAINING_WORKERS="1") as up:
        up.wait_for(OPEN)
        assert up.get("healthz")[0] == 200
        assert "First login: user admin, password " in up.text
        for name in ("redis", "simulator", "web", "feed", "worker", "beat"):
            up.wait_for(rf"{name}\s+running")
        family = up.family()
        assert len(family) >= 6
        ports = {
            item.laddr.port
            for process in family
            for item in process.net_connections("inet")
            if item.status == psutil.CONN_LISTEN
        }
        assert not ports & {5432, 6379}
        assert up.stop(seconds=10) == 0
        assert gone(family)
        assert not (up.var / "run" / "runtime.json").exists()
    with Running(tmp_path / "a var") as again:
        again.wait_for(OPEN)
        assert "First login" not in again.text


def test_a_port_in_use_is_an_error_naming_the_port(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Running(tmp_path, "--port", str(port)) as up:
            up.wait_for(rf"port {port} on 127\.0\.0\.1 cannot be used")
            assert up.process.wait(10) != 0
        assert not (tmp_path / "run" / "runtime.json").exists()


@pytest.mark.parametrize("victim", ["up", "supervisord"])
def test_nothing_stays_behind_when_a_parent_is_killed_hard(tmp_path, victim):
    with Running(tmp_path) as up:
        up.wait_for(OPEN)
        family = up.family()
        os.kill(up.pids[victim], signal.SIGKILL)
        others = [item for item in family if item.pid != up.process.pid]
        if victim == "supervisord":
            at = up.wait_for("supervisord died")
            up.wait_for(OPEN, after=at)
        assert gone(others)


def test_it_works_from_another_directory_and_with_a_space_in_the_path(tmp_path):
    root = tmp_path / "my projects" / "quantai"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    with Running(root / "var", root=root, cwd=tmp_path) as up:
        up.wait_for(OPEN)
        assert up.get("healthz")[0] == 200
        assert up.stop() == 0


def test_json_logs_stay_json(tmp_path):
    with Running(tmp_path, LOG_FORMAT="json") as up:
        up.wait_for(OPEN)
        up.wait_for(r"feed\s+running")
        assert up.stop() == 0
        up.wait_for('"stopped"')
        events = [json.loads(line) for line in up.lines]
    assert {event["process"] for event in events} >= {"up", "simulator"}


def test_uvicorn_serves_the_same_pages(tmp_path):
    with Running(tmp_path, "--web", "uvicorn") as up:
        up.wait_for(OPEN)
        assert up.get("healthz")[0] == 200
        family = up.family()
        assert up.stop(signal.SIGTERM) == 0
        assert gone(family)


# Beside others its starts take longer than the three seconds of one that has failed.
@pytest.mark.alone
def test_a_child_that_cannot_start_is_tried_again_and_said(tmp_path):
    (tmp_path / "simulator").mkdir(parents=True)
    (tmp_path / "simulator" / "tls").write_text("in the way")
    with Running(tmp_path) as up:
        up.wait_for(r"simulator\s+cannot start \(.*next try in 5 s")
        up.wait_for(OPEN)
        (tmp_path / "simulator" / "tls").unlink()
        up.wait_for(r"simulator\s+running")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One that is only looked at, or recovers."""
    with Running(tmp_path_factory.mktemp("running")) as up:
        up.wait_for(OPEN)
        up.wait_for(r"feed\s+running")
        yield up


def test_a_killed_child_comes_back_while_the_others_go_on(running):
    before = running.pids
    os.kill(before["feed"], signal.SIGKILL)
    running.wait_for(r"feed\s+\w+ \(pid \d+, restarts 1")
    assert running.pid_of("feed", but=before["feed"])
    kept = {name: pid for name, pid in running.pids.items() if name != "feed"}
    assert kept == {name: pid for name, pid in before.items() if name != "feed"}


def test_a_second_up_on_the_same_folder_is_refused_with_the_pid(running):
    with Running(running.var) as second:
        second.wait_for(rf"already running on .* with pid {running.process.pid}")
        assert second.process.wait(10) != 0
    assert running.get("healthz")[0] == 200


def test_other_commands_find_the_running_installation(running):
    found = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "show_config", "--json"],
        env={"PATH": "/usr/bin", "QUANTAI_VAR": str(running.var)},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = {row["variable"]: row for row in json.loads(found.stdout)["settings"]}
    assert rows["REDIS_URL"]["value"] == running.runtime["redis_url"]
    assert rows["MARKET_SIMULATOR_URL"]["source"] == "running up"
