"""Recorded captures, frame by frame: the pure reader of files of exchange bytes.

Formats, told apart by the beginning of each line, plain or gzip:

* ``<local unix time in ns or us> <json>`` (hftbacktest recorders)
* ``<url> <-> <time>`` and then ``<epoch seconds>: <json>`` (cryptofeed, streams)
* ``<url> -> <epoch seconds>: <json>`` (cryptofeed, REST)
* one JSON document per line, without a time

Lines that hold no frame (a header, a blank line) are skipped; a line of no known
format is handed on as it is, so that it is counted as an error and not lost.
"""

import gzip
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

_GZIP_MAGIC = b"\x1f\x8b"
_STAMPED = re.compile(rb"(\d{16,19}) ([\[{].*)", re.DOTALL)
_SECONDS = re.compile(rb"(\d{9,11}(?:\.\d+)?): ([\[{].*)", re.DOTALL)
_FETCHED = re.compile(rb"(https?://\S+) -> (\d{9,11}(?:\.\d+)?): ([\[{].*)", re.DOTALL)
_HEADER = re.compile(rb"(?:wss?://\S+ <-> |configuration: )")
_NANOSECOND_DIGITS = 19


class Frame(Struct, frozen=True):
    """One recorded frame. ``received_ms`` is 0 where the recorder kept no time.

    ``symbol`` is the symbol that a REST URL asked for, "" otherwise.
    """

    received_ms: int
    raw: bytes
    symbol: str = ""


def frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of a file in recorded order.

    Raises OSError when the file cannot be read, EOFError or gzip.BadGzipFile when a
    compressed file is cut off or damaged.
    """
    with path.open("rb") as file:
        compressed = file.peek()[: len(_GZIP_MAGIC)] == _GZIP_MAGIC
        lines: Iterable[bytes] = gzip.GzipFile(fileobj=file) if compressed else file
        for line in lines:
            frame = frame_of(line.strip())
            if frame is not None:
                yield frame


def frame_of(line: bytes) -> Frame | None:
    """Return the frame in one line, None when the line holds none."""
    if not line or _HEADER.match(line):
        return None
    if stamped := _STAMPED.fullmatch(line):
        stamp = stamped[1]
        per_ms = 1_000_000 if len(stamp) == _NANOSECOND_DIGITS else 1_000
        return Frame(int(stamp) // per_ms, stamped[2])
    if timed := _SECONDS.fullmatch(line):
        return Frame(round(float(timed[1]) * 1000), timed[2])
    if fetched := _FETCHED.fullmatch(line):
        at = round(float(fetched[2]) * 1000)
        return Frame(at, fetched[3], _asked_symbol(fetched[1]))
    return Frame(0, line)


def _asked_symbol(url: bytes) -> str:
    query = parse_qs(urlsplit(url.decode("utf-8", "replace")).query)
    return query.get("symbol", [""])[0].upper()
