"""Tables as files: JSON, CSV, Parquet, NDJSON, streamed while they are read.

Every row names the venue and its badge (SIMULATED, TESTNET, PAPER, LIVE); JSON and
Parquet also say them once for the whole file. Columns and their kinds are stated, so
that a file without rows has them too.
"""

import csv
import io
import zipfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from core import wire
from core.venues import badge

BATCH = 2_000
PIECE = 1 << 20
# A spreadsheet takes text that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")

Kind = Literal["text", "integer", "number", "boolean"]
Row = Mapping[str, Any]


class Format(StrEnum):
    """Kinds of files."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    NDJSON = "ndjson"


CONTENT_TYPES = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.NDJSON: "application/x-ndjson",
}


@dataclass(frozen=True)
class Table:
    """What is exported; ``rows`` are read once, while the file is sent.

    ``facts`` stand at the head of the JSON file and in Parquet's metadata.
    """

    name: str
    venue: str
    columns: Mapping[str, Kind]
    rows: Iterable[Row]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all_columns(self) -> dict[str, Kind]:
        """Venue and badge, then the table's own."""
        return {"venue": "text", "badge": "text", **self.columns}

    def head(self) -> dict[str, Any]:
        """Return what is true of the whole file."""
        return {
            "venue": self.venue,
            "badge": badge(self.venue),
            "name": self.name,
            "exported_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            **self.facts,
        }

    def whole_rows(self) -> Iterator[dict[str, Any]]:
        """Yield rows with every column, None where a row has no value."""
        shared = {"venue": self.venue, "badge": badge(self.venue)}
        for row in self.rows:
            yield {**shared, **{name: row.get(name) for name in self.columns}}


def export_response(
    request: HttpRequest, table: Table, kind: Format
) -> StreamingHttpResponse:
    """Return the table as a download."""
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    name = f"{table.name}-{table.venue}-{stamp}.{kind.value}"
    return download(request, chunks(table, kind), name, CONTENT_TYPES[kind])


def download(
    request: HttpRequest, parts: Iterator[bytes], name: str, content_type: str
) -> StreamingHttpResponse:
    """Return the parts as a file to keep, sent while they are made."""
    # Django would read the whole of a plain iterator into memory under ASGI.
    body = _later(parts) if isinstance(request, ASGIRequest) else parts
    response = StreamingHttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def zipped(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """Yield an archive of files (name in it, path), not compressed, piece by piece."""
    drain = _Drain()
    with zipfile.ZipFile(drain, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files:
            entry = zipfile.ZipInfo.from_file(path, name)
            with path.open("rb") as source, archive.open(entry, "w") as target:
                while piece := source.read(PIECE):
                    target.write(piece)
                    yield drain.take()
    yield drain.take()


def chunks(table: Table, kind: Format) -> Iterator[bytes]:
    """Yield the file in pieces of some thousand rows."""
    writers = {
        Format.JSON: _json,
        Format.CSV: _csv,
        Format.PARQUET: _parquet,
        Format.NDJSON: _ndjson,
    }
    return writers[kind](table)


async def _later(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Fetch one piece after the other in a thread: they read the database."""
    step = sync_to_async(_next, thread_sensitive=True)
    while (part := await step(parts)) is not None:
        yield part


def _next(parts: Iterator[bytes]) -> bytes | None:
    return next(parts, None)


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _json(table: Table) -> Iterator[bytes]:
    yield wire.encode(table.head())[:-1] + b',"rows":['
    before = b""
    for batch in _batches(table.whole_rows()):
        yield before + b",".join(map(wire.encode, batch))
        before = b","
    yield b"]}"


def _ndjson(table: Table) -> Iterator[bytes]:
    for batch in _batches(table.whole_rows()):
        yield b"".join(wire.encode(row) + b"\n" for row in batch)


def _csv(table: Table) -> Iterator[bytes]:
    head = dict(zip(table.all_columns, table.all_columns, strict=True))
    for batch in _batches(chain([head], table.whole_rows())):
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerows([_cell(value) for value in row.values()] for row in batch)
        yield text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _parquet(table: Table) -> Iterator[bytes]:
    # Loaded on demand: it takes some 60 MB that the web process can do without.
    import pyarrow as arrow
    from pyarrow import parquet

    types = {
        "text": arrow.string(),
        "integer": arrow.int64(),
        "number": arrow.float64(),
        "boolean": arrow.bool_(),
    }
    schema = arrow.schema(
        [(name, types[kind]) for name, kind in table.all_columns.items()],
        metadata={key: str(value) for key, value in table.head().items()},
    )
    drain = _Drain()
    with parquet.ParquetWriter(arrow.PythonFile(drain, mode="w"), schema) as writer:
        for batch in _batches(table.whole_rows()):
            writer.write_table(arrow.Table.from_pylist(batch, schema=schema))
            yield drain.take()
    yield drain.take()


class _Drain(io.RawIOBase):
    """A file that only grows and whose written bytes are taken away in between."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
