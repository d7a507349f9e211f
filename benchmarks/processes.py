"""Processes of a measurement: one each, on a core of its own, ended with the bench."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil

from core.benchmark import MeasurementError
from quantai_site.site_settings import BASE_DIR
from quantai_site.supervision.programs import CHILD

MEASURED_CORE, OTHER_CORE = 0, 1
END_SECONDS = 8.0
POLL_SECONDS = 0.02
TAIL_LINES = 15
RESULT = "RESULT "


def _cpu_clock(pid: int) -> int:
    """Return the id of a process's CPU clock, which counts ns.

    What psutil reads counts ticks of 10 ms: a short run would seem to cost nothing.
    Source: Linux, ``clock_getcpuclockid``: the inverted pid, then the kind of clock.
    """
    return (~pid << 3) | 2


class Process:
    """A child that speaks in lines and ends with its parent.

    It runs on one core, or wherever there is room when ``core`` is None. One that is
    ``apart`` does not hear the Ctrl-C of the terminal.
    """

    def __init__(
        self,
        command: list[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        core: int | None = OTHER_CORE,
        pipes: bool = False,
        apart: bool = False,
    ) -> None:
        self._log = log
        self.command = command
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(CHILD), *command],
                cwd=BASE_DIR,
                env=dict(environment),
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else output,
                stderr=output,
                start_new_session=apart,
            )
        self.status = psutil.Process(self._process.pid)
        if core is not None and (psutil.cpu_count() or 1) > 1:
            self.status.cpu_affinity([core])

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def cpu_seconds(self) -> float:
        """CPU time used so far, user and system, threads that ended included."""
        return time.clock_gettime(_cpu_clock(self.status.pid))

    def rss_mb(self) -> float:
        """Resident memory, MB of 10^6 bytes."""
        return float(self.status.memory_info().rss / 1e6)

    def tell(self, line: str) -> None:
        """Send a line to its standard input."""
        stdin = _stream(self._process.stdin)
        stdin.write(f"{line}\n".encode())
        stdin.flush()

    def hear(self, say: Callable[[str], None] | None = None) -> Any:
        """Wait for its next result; other lines are handed to ``say``.

        Raises ``MeasurementError`` when it ends instead.
        """
        for raw in _stream(self._process.stdout):
            line = raw.decode(errors="replace")
            if line.startswith(RESULT):
                return json.loads(line.removeprefix(RESULT))
            if say is not None:
                say(line.rstrip("\n"))
        raise self.failure("ended without a result")

    def failure(self, what: str) -> MeasurementError:
        """Return an error that shows the end of the output."""
        lines = self._log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        shown = " ".join(self.command[1:4])
        return MeasurementError("\n".join([f"{shown}: {what}", *lines]))

    def wait(self, seconds: float) -> int:
        """Wait for the end and return the status."""
        return self._process.wait(seconds)

    def end(self) -> None:
        """End it within seconds, whatever it does."""
        if self.alive:
            self._process.terminate()
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(END_SECONDS)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("started without pipes")
    return stream


@contextmanager
def running(process: Process) -> Iterator[Process]:
    """End the process with the block."""
    try:
        yield process
    finally:
        process.end()


def module(
    name: str,
    arguments: Mapping[str, Any],
    *,
    environment: Mapping[str, str],
    log: Path,
    core: int | None = OTHER_CORE,
) -> Process:
    """Start ``name``'s ``main(**arguments)`` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.child", name, json.dumps(arguments)]
    return Process(command, environment=environment, log=log, core=core, pipes=True)


def measured(
    name: str,
    arguments: Mapping[str, Any],
    *,
    environment: Mapping[str, str],
    log: Path,
) -> Any:
    """Run ``name``'s ``main`` on the measured core and return its only result."""
    process = module(
        name, arguments, environment=environment, log=log, core=MEASURED_CORE
    )
    with running(process):
        return process.hear()


def until(
    condition: Callable[[], Any],
    *,
    seconds: float,
    what: str,
    tail: Callable[[], str] = str,
) -> Any:
    """Ask again until the answer is true and return it.

    Raises ``MeasurementError`` with the ``tail`` of a log when it takes too long.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise MeasurementError(f"not within {seconds:g} s: {what}\n{tail()}")
        time.sleep(POLL_SECONDS)
