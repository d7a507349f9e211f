"""A real ``quantai up`` on a folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 180
# Small and quick: what is tested here is the life of processes.
QUICK = {
    "MARKET_SYMBOLS": "4",
    "SIMULATOR_SYMBOLS": "4",
    "MARKET_HISTORY_BARS": "5",
    "TRAINING_WORKERS": "0",
}


class Running:
    """``up`` with its output; use as a context manager, it always ends everything."""

    def __init__(self, var, *flags, root=ROOT, cwd=None, **environ):
        self.var = Path(var)
        self.lines = []
        self._news = threading.Condition()
        keep = {
            name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ
        }
        self._manage = [sys.executable, str(root / "manage.py")]
        self._environ = {**keep, **QUICK, **environ, "QUANTAI_VAR": str(var)}
        self.process = subprocess.Popen(
            [*self._manage, "up", "--port", "0", *flags],
            cwd=cwd,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with self.process.stdout:
            for line in self.process.stdout:
                with self._news:
                    self.lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_for(self, pattern, *, after=0, seconds=PATIENCE_SECONDS):
        """Index of the first line from ``after`` on that matches."""
        expression = re.compile(pattern)
        deadline = time.monotonic() + seconds
        with self._news:
            seen = after
            while True:
                for index in range(seen, len(self.lines)):
                    if expression.search(self.lines[index]):
                        return index
                seen = max(after, len(self.lines))
                left = deadline - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and left < 0):
                    raise AssertionError(f"no line like {pattern!r} in:\n{self.text}")
                self._news.wait(min(left, 1))

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def runtime(self):
        return json.loads((self.var / "run" / "runtime.json").read_text())

    @property
    def pids(self):
        return self.runtime["pids"]

    def pid_of(self, name, *, but=0):
        """Pid of a running process; waits for one that is not ``but``."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            pid = self.pids.get(name, 0)
            if pid and pid != but:
                return pid
            time.sleep(0.05)
        raise AssertionError(f"{name} has no new pid:\n{self.text}")

    def manage(self, *arguments):
        """Run another command on the same installation; returns what it said."""
        return subprocess.run(
            [*self._manage, *arguments],
            env=self._environ,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    def get(self, path):
        with urllib.request.urlopen(
            self.runtime["web_url"] + path, timeout=10
        ) as found:
            return found.status, found.read().decode()

    def family(self):
        """Every process that belongs to this ``up``."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def stop(self, number=signal.SIGINT, seconds=30):
        """Send a signal and wait for the end; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            below = self.family()
            self.process.send_signal(signal.SIGTERM)
            psutil.wait_procs(below, timeout=12)
            for process in below:
                if process.is_running():
                    process.kill()
        self.process.wait(10)
        self._reader.join(10)


def until_true(ask, seconds):
    """Return the first true answer; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)
    return answer


def gone(processes, seconds=10):
    """Whether all of them ended within the time."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    alive = [item for item in alive if item.status() != psutil.STATUS_ZOMBIE]
    return alive == []
