"""The one writer to standard output: lines of ``up`` and of its children, unmixed."""

import json
import os
import queue
import sys
import threading
from datetime import UTC, datetime

QUEUE_LINES = 20_000
CHUNK = 65_536


class Relay:
    """Copies whole lines unchanged.

    A terminal that stands still must not stop the feed, so beyond a bound lines are
    dropped and counted.
    """

    def __init__(self, *, as_json: bool, target: int = 1) -> None:
        self._as_json = as_json
        self._target = target
        self._lines: queue.Queue[bytes | None] = queue.Queue(QUEUE_LINES)
        self._dropped = 0
        self._writer = threading.Thread(target=self._write, daemon=True, name="relay")
        self.broken = threading.Event()

    def start(self) -> None:
        self._writer.start()

    def say(self, line: str) -> None:
        """Write one line of ``up`` itself."""
        if self._as_json:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            event = {
                "time": now.replace("+00:00", "Z"),
                "level": "INFO",
                "process": "up",
                "message": line,
            }
            line = json.dumps(event, ensure_ascii=False)
        self._put(line.encode() + b"\n")

    def copy_from(self, descriptor: int) -> threading.Thread:
        """Copy what comes out of a pipe; the thread ends when its other end closes."""
        reader = threading.Thread(target=self._read, args=(descriptor,), daemon=True)
        reader.start()
        return reader

    def finish(self, seconds: float) -> None:
        """Write what is left, for at most this long."""
        try:
            self._lines.put(None, timeout=seconds)
        except queue.Full:
            return
        self._writer.join(seconds)

    def _read(self, descriptor: int) -> None:
        rest = b""
        while chunk := os.read(descriptor, CHUNK):
            complete, newline, rest = (rest + chunk).rpartition(b"\n")
            if newline:
                self._put(complete + newline)
        if rest:
            self._put(rest + b"\n")

    def _put(self, lines: bytes) -> None:
        try:
            self._lines.put_nowait(lines)
        except queue.Full:
            self._dropped += 1

    def _write(self) -> None:
        while (lines := self._lines.get()) is not None:
            try:
                self._write_all(lines)
                if self._dropped:
                    count, self._dropped = self._dropped, 0
                    self.say(f"output stood still: {count} blocks of lines dropped")
            except OSError:
                # Nobody reads any more (`quantai up | head`): stop in good order.
                self.broken.set()
                return

    def _write_all(self, data: bytes) -> None:
        if self._target == sys.stdout.fileno():
            sys.stdout.flush()
        view = memoryview(data)
        while view:
            view = view[os.write(self._target, view) :]
