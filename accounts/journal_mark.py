"""How far a journal is in the database: one number in a file beside it.

It is written over in place, so a full disk does not matter, and not synced: a mark that
is behind costs reading some records again.
"""

import os
import zlib
from pathlib import Path

WIDTH = 16


class Mark:
    """The number of the last record whose rows are committed."""

    def __init__(self, folder: Path) -> None:
        path = folder / "mark"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.number = _read(os.pread(self._file, 64, 0))

    def move(self, number: int) -> None:
        """Note that everything up to ``number`` is stored."""
        if number != self.number:
            body = b"%0*d" % (WIDTH, number)
            os.pwrite(self._file, b"%s %08x\n" % (body, zlib.crc32(body)), 0)
            self.number = number

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _read(raw: bytes) -> int:
    """Return the number; 0 for a new file and for one that was torn."""
    body, _, crc = raw.strip().partition(b" ")
    return int(body) if crc == b"%08x" % zlib.crc32(body) and body else 0
