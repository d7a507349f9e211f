"""The write-ahead journal: what must not be lost is on disk before anything acts on it.

Lines ``CRC32 NUMBER JSON`` in numbered segments of one folder, so that a person can
read them too. A record counts once ``append`` has returned: it is written and synced,
the folder as well. A line that a crash cut off at the very end was never promised and is
removed when the journal is opened; damage anywhere else is an error that names the
place, never skipped. One process writes; a lock on the folder holds others off.
"""

import fcntl
import os
import zlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from core import wire
from core.errors import NameTaken, Permanent, Retryable

SEGMENT_BYTES = 8 * 1024 * 1024
PATTERN = "journal-*.log"


class JournalDamaged(Permanent):
    """A record inside the journal is not what was written."""


class JournalUnavailable(Retryable):
    """The disk refuses; nothing of the record was kept."""


class Journal:
    """Append, replay and forget records; numbers grow by one for ever."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Open or make the journal; raises ``NameTaken``, ``JournalDamaged``."""
        self._folder = folder
        self._limit = segment_bytes
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise NameTaken(f"another process writes the journal in {folder}") from None
        self._file = -1
        self._end = 0
        try:
            self.last = self._recover()
        except BaseException:
            os.close(self._lock)
            raise

    def append(self, *records: Mapping[str, Any]) -> int:
        """Keep the records together and return the number of the last one.

        When it returns they survive a crash of process or machine. Raises
        ``JournalUnavailable`` when the disk is full or fails: then none was kept.
        """
        if not records:
            return self.last
        if self._end >= self._limit:
            self._start_segment(self.last + 1)
        raw = b"".join(
            _line(self.last + 1 + at, record) for at, record in enumerate(records)
        )
        try:
            _write_all(self._file, raw)
            os.fdatasync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._end)
            os.lseek(self._file, self._end, os.SEEK_SET)
            raise JournalUnavailable(
                f"the journal cannot be written: {error}"
            ) from error
        self._end += len(raw)
        self.last += len(records)
        return self.last

    def replay(self, *, after: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (number, record) of what is kept, in order, above ``after``."""
        for path in self._segments():
            for number, record in _records(path, path.read_bytes()):
                if number > after:
                    yield number, record

    def forget(self, *, upto: int) -> int:
        """Drop segments whose records are all numbered ``upto`` or below.

        Returns how many segments went. The newest segment stays, so numbers never
        start again.
        """
        segments = self._segments()
        gone = 0
        for path, following in pairwise(segments):
            if _first_number(following) > upto + 1:
                break
            path.unlink()
            gone += 1
        if gone:
            _sync_folder(self._folder)
        return gone

    def close(self) -> None:
        """Close the files and let others write."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        os.close(self._lock)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob(PATTERN))

    def _recover(self) -> int:
        """Open the newest segment behind its last whole record; return its number."""
        segments = self._segments()
        if not segments:
            self._start_segment(1)
            return 0
        self._check_order(segments)
        newest = segments[-1]
        raw = newest.read_bytes()
        whole = raw.rfind(b"\n") + 1
        last = _last_number(newest, raw[:whole])
        self._file = os.open(newest, os.O_RDWR)
        if whole < len(raw):
            os.ftruncate(self._file, whole)
            os.fsync(self._file)
        os.lseek(self._file, whole, os.SEEK_SET)
        self._end = whole
        return last

    def _check_order(self, segments: list[Path]) -> None:
        """Every segment must go on where the one before it ended."""
        for path, following in pairwise(segments):
            last = _last_number(path, path.read_bytes())
            if _first_number(following) != last + 1:
                raise JournalDamaged(
                    f"{path} ends with record {last}, {following.name} follows"
                )

    def _start_segment(self, number: int) -> None:
        path = self._folder / f"journal-{number:016}.log"
        try:
            # One that a failure left empty is taken.
            made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise JournalUnavailable(f"{path} cannot be made: {error}") from error
        try:
            _sync_folder(self._folder)
        except OSError as error:
            os.close(made)
            raise JournalUnavailable(f"{path} cannot be made: {error}") from error
        if self._file >= 0:
            os.close(self._file)
        self._file, self._end = made, 0


def _line(number: int, record: Mapping[str, Any]) -> bytes:
    body = b"%d %s" % (number, wire.encode(dict(record)))
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _records(path: Path, raw: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    expected = _first_number(path)
    for place, line in enumerate(raw.splitlines(), 1):
        crc, _, body = line.partition(b" ")
        if crc != b"%08x" % zlib.crc32(body):
            raise JournalDamaged(f"{path} line {place}: the checksum does not fit")
        number, _, document = body.partition(b" ")
        if int(number) != expected:
            raise JournalDamaged(
                f"{path} line {place}: record {int(number)} stands for {expected}"
            )
        expected += 1
        yield int(number), wire.decode(document)


def _last_number(path: Path, raw: bytes) -> int:
    """Return the number of the last record, the one before the first when empty."""
    count = sum(1 for _ in _records(path, raw))
    return _first_number(path) - 1 + count


def _first_number(path: Path) -> int:
    return int(path.stem.removeprefix("journal-"))


def _write_all(descriptor: int, raw: bytes) -> None:
    view = memoryview(raw)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
