"""Opening a file by its content: text, gzip, zip of one text, or Parquet."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from market.history.columns import FileProblem

PARQUET, ZIP, GZIP = b"PAR1", b"PK\x03\x04", b"\x1f\x8b"
EMPTY_ZIP = b"PK\x05\x06"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def is_parquet(path: Path) -> bool:
    """Whether the content begins like a Parquet file; raises ``OSError``."""
    return _beginning(path).startswith(PARQUET)


def inner_name(path: Path) -> str:
    """Return the name of the text: that of a zip's only file, else the file's own."""
    if _beginning(path).startswith((ZIP, EMPTY_ZIP)):
        with _archive(path) as archive:
            return Path(_only(archive)).name
    return path.name


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """Open the text in a file; damage of its container raises ``FileProblem``."""
    start = _beginning(path)
    try:
        with ExitStack() as stack:
            raw: IO[bytes]
            if start.startswith((ZIP, EMPTY_ZIP)):
                archive = stack.enter_context(_archive(path))
                raw = stack.enter_context(_member(archive))
            elif start.startswith(GZIP):
                raw = cast(IO[bytes], stack.enter_context(gzip.GzipFile(path)))
            else:
                raw = stack.enter_context(path.open("rb"))
            yield stack.enter_context(_text(raw))
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FileProblem(f"the packed file is damaged: {error}") from error


def _text(raw: IO[bytes]) -> IO[str]:
    buffered = io.BufferedReader(raw)  # type: ignore[type-var]
    wide = buffered.peek(2)[:2] in _UTF16
    encoding = "utf-16" if wide else "utf-8-sig"
    # What is no text of this encoding is no number either, and refused as such.
    return io.TextIOWrapper(buffered, encoding, errors="replace", newline="")


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise FileProblem(f"the zip file is damaged: {error}") from error


def _member(archive: zipfile.ZipFile) -> IO[bytes]:
    name = _only(archive)
    try:
        return archive.open(name)
    # A password, a method that is not known, a name that is no text.
    except (RuntimeError, ValueError) as error:
        raise FileProblem(f"the zip file cannot be unpacked: {error}") from error


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _only(archive: zipfile.ZipFile) -> str:
    names = [
        info.filename
        for info in archive.infolist()
        if not info.filename.endswith("/")
        and not info.filename.startswith("__MACOSX/")
        and not info.filename.endswith(".CHECKSUM")
    ]
    if len(names) != 1:
        raise FileProblem(
            f"the zip holds {len(names)} files: unpack it and name those wanted"
        )
    return names[0]
