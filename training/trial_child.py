"""Starts a trial's process and waits for it."""

import enum
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from django.conf import settings

log = logging.getLogger(__name__)

# Beyond the time in which the process ends itself.
MORE_SECONDS = 1.0


class Ended(enum.IntEnum):
    """How the process of a trial ended; its exit statuses."""

    TRIAL = 0
    DIED = 1
    NOTHING_TO_DO = 10
    STOPPED = 11


class TrialChild:
    """One process, leader of a group of its own; it ends with its parent."""

    def __init__(self, study_id: int, *, worker: str, device: str = "") -> None:
        arguments = [
            *("--study", str(study_id)),
            *("--worker", worker),
            *("--device", device),
            *("--parent", str(os.getpid())),
        ]
        self._process = subprocess.Popen(
            [*command(), *arguments], stdin=subprocess.DEVNULL, start_new_session=True
        )
        self._killer: threading.Timer | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """Tell it to stop, and kill it when it takes too long."""
        self._process.terminate()
        if self._killer is None:
            seconds = settings.QUANTAI.training.stop_seconds + MORE_SECONDS
            self._killer = threading.Timer(seconds, self._process.kill)
            self._killer.daemon = True
            self._killer.start()

    def poll(self) -> Ended | None:
        """How it ended; None while it runs."""
        return None if self._process.poll() is None else self.wait()

    def wait(self) -> Ended:
        """Wait until it ends."""
        status = self._process.wait()
        if self._killer is not None:
            self._killer.cancel()
        try:
            return Ended(status)
        except ValueError:
            told_to = self._killer is not None
            level = logging.INFO if told_to else logging.ERROR
            log.log(level, "the process of a trial ended with status %d", status)
            return Ended.DIED


def command() -> Sequence[str]:
    """The command line of a trial's process."""
    own: Sequence[str] = settings.TRIAL_COMMAND
    return [sys.executable, *own]


def run(study_id: int, *, worker: str) -> tuple[Ended, int]:
    """Run one trial; returns how its process ended, and that one's pid.

    SIGTERM to this process, which must be in its main thread, stops the trial.
    """
    device = device_of(worker, settings.QUANTAI.training.devices)
    child = TrialChild(study_id, worker=worker, device=device)
    stopped = threading.Event()

    def forward(number: int, frame: FrameType | None) -> None:
        stopped.set()
        child.stop()

    before = signal.signal(signal.SIGTERM, forward)
    try:
        ended = child.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
    return (Ended.STOPPED if stopped.is_set() else ended), child.pid


def device_of(worker: str, devices: Sequence[str]) -> str:
    """Return the device of worker ``name-3@host``: they are dealt out in turn."""
    name = worker.partition("@")[0]
    number = name.rpartition("-")[2]
    if not devices:
        return ""
    return devices[(int(number) - 1 if number.isdecimal() else 0) % len(devices)]
