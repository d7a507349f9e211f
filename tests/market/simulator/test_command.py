"""``manage run_simulator`` as a process: start, stop, kill, comeback."""

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LINE = re.compile(
    r"simulator listening https=(\S+) plain=(\S+) ca=(\S+) "
    r"symbols=(\d+) seed=(\d+) speed=(\S+)"
)


def free_ports():
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(2)]
        for entry in taken:
            entry.bind(("127.0.0.1", 0))
        return [entry.getsockname()[1] for entry in taken]


@pytest.fixture
def run(tmp_path):
    """Start the command; returns (process, the facts of its first line)."""
    processes = []
    environment = {**os.environ, "QUANTAI_VAR": str(tmp_path / "var")}
    # The tests' own settings would give each process another folder.
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def run(*options):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run_simulator", "--symbols", "2", *options],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if match := LINE.search(line):
                return process, match.groups()
        return process, "".join(lines)

    yield run
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def get(url, authority):
    context = ssl.create_default_context(cafile=authority)
    with urllib.request.urlopen(url, context=context, timeout=5) as response:
        return json.loads(response.read())


def test_it_says_where_it_listens_and_ends_on_a_signal(run, tmp_path):
    process, facts = run("--seed", "5", "--speed", "2", "--state", str(tmp_path / "s"))
    url, plain, authority, symbols, seed, speed = facts
    assert (symbols, seed, speed) == ("2", "5", "2")
    assert Path(authority) == tmp_path / "s" / "tls" / "ca.pem"
    assert get(f"{url}/fapi/v1/ping", authority) == {}
    assert plain.startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 0


def test_killed_it_comes_back_at_the_same_ports_with_the_same_history(run):
    port, plain_port = free_ports()
    options = ("--port", str(port), "--plain-port", str(plain_port))
    process, (url, _, authority, *_) = run(*options)
    klines = f"{url}/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=20"
    before = get(klines, authority)
    process.kill()
    process.wait()
    _, (again, *_) = run(*options)
    assert again == url == f"https://127.0.0.1:{port}"
    closed = {row[0]: row for row in before[:-1]}
    after = {row[0]: row for row in get(klines, authority)}
    shared = closed.keys() & after.keys()
    assert len(shared) >= 17
    assert all(closed[opened] == after[opened] for opened in shared)


def test_a_bad_option_is_an_error_that_names_it(run):
    process, text = run("--speed", "0.5")
    assert process.wait(timeout=5) == 1
    assert "speed" in text


def test_a_used_port_is_an_error_that_names_it(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process, text = run("--port", str(port))
        assert process.wait(timeout=5) == 1
        assert f"127.0.0.1:{port}" in text
