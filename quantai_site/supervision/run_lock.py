"""One ``up`` for each ``var``: a lock that lives as long as its last holder."""

import fcntl
import os
import time
from pathlib import Path

PROBE_SECONDS = 1.0


class AlreadyRunningError(Exception):
    """Another ``up`` works on this folder."""


class RunLock:
    """Exclusive lock of ``var/run``.

    The descriptor is handed to supervisord too, so that the lock is only free when
    both are gone. The file holds the pid of the first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def acquire(self) -> int:
        """Take the lock and return its descriptor.

        Raises ``AlreadyRunningError`` with the pid of the holder. A reader of the
        settings holds the lock for an instant, hence the short patience.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + PROBE_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    pid = os.pread(descriptor, 32, 0).decode().strip() or "unknown"
                    os.close(descriptor)
                    raise AlreadyRunningError(
                        f"already running on {self.path.parent.parent} with pid {pid}"
                    ) from None
                time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return descriptor

    def release(self) -> None:
        """Give the lock up; it stays taken while supervisord lives."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
