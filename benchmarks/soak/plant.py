"""The running product of a soak: its processes, which can be killed, held and replaced.

Programs go by name. A second feed is one more program beside ``feed``.
"""

import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.installation import Installation
from benchmarks.processes import END_SECONDS, Process
from quantai_site import embedded_redis
from quantai_site.site_settings import BASE_DIR

REDIS, SIMULATOR, FEED = "redis", "simulator", "feed"


@dataclass(frozen=True)
class Program:
    """A management command that goes on, as the supervisor would run it."""

    name: str
    arguments: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)


def programs(var: Path) -> list[Program]:
    """Return what a soak runs; the exchange keeps its ports when it is replaced."""
    port, plain = _free_ports()
    simulator = ("run_simulator", f"--port={port}", f"--plain-port={plain}")
    exchange = {
        "MARKET_SIMULATOR_URL": f"https://127.0.0.1:{port}",
        "MARKET_SIMULATOR_CA": str(var / "simulator" / "tls" / "ca.pem"),
    }
    return [
        Program(REDIS, ("run_redis",)),
        Program(SIMULATOR, simulator),
        Program(FEED, ("run_feed",), exchange),
    ]


class Plant:
    """Runs the programs of one private installation; ``close`` at the end."""

    def __init__(self, where: Installation, wanted: list[Program]) -> None:
        self._where = where
        self._programs = {program.name: program for program in wanted}
        self._running: dict[str, Process] = {}
        self._down: set[str] = set(self._programs)
        self.collapsed: list[str] = []

    def start(self, name: str) -> None:
        """Start a program that does not run."""
        program = self._programs[name]
        self._running[name] = Process(
            [sys.executable, str(BASE_DIR / "manage.py"), *program.arguments],
            environment={**self._where.environment, **program.settings},
            log=self._where.log,
            core=None,
            apart=True,
        )
        self._down.discard(name)

    def kill(self, name: str) -> None:
        """Kill it as the kernel would; it stays down until it is started."""
        self._down.add(name)
        process = self._running[name]
        process.status.kill()
        process.wait(END_SECONDS)

    def hold(self, name: str) -> None:
        """Stop it in the middle of whatever it does."""
        self._running[name].status.send_signal(signal.SIGSTOP)

    def release(self, name: str) -> None:
        """Let it go on."""
        self._running[name].status.send_signal(signal.SIGCONT)

    def supervise(self) -> None:
        """Replace what ended although nobody asked for it, and remember that it did."""
        for name in self._programs.keys() - self._down:
            if not self._running[name].alive:
                self.collapsed.append(name)
                self.start(name)

    def pid(self, name: str) -> int:
        """Return the number of its present process."""
        return int(self._running[name].status.pid)

    def rss_mb(self, name: str) -> float | None:
        """Return its resident memory, or None while it does not run."""
        if name in self._down:
            return None
        try:
            return self._running[name].rss_mb()
        except psutil.Error:
            return None

    def stop(self, name: str) -> None:
        """Ask it to end and wait until it did."""
        self._down.add(name)
        if name in self._running:
            self._running[name].end()

    def close(self) -> None:
        """End everything, the last started first."""
        for name in reversed(self._programs):
            self.stop(name)
        folder = embedded_redis.socket_folder(self._where.var)
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports() -> tuple[int, int]:
    """Return two ports that nobody listens on now."""
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
