import asyncio
import csv
import io
import json
import zipfile

import pytest
from django.test import AsyncRequestFactory, RequestFactory
from pyarrow import parquet

from core import export
from core.export import Format, Table, chunks, export_response

COLUMNS = {"id": "integer", "text": "text", "ratio": "number", "good": "boolean"}
ROWS = [
    {
        "id": 1,
        "text": "=SUM(A1)",
        "ratio": 0.5,
        "good": True,
        "secret": "not asked for",
    },
    {"id": 2, "text": '多 "quoted", line\nbreak', "ratio": float("nan"), "good": False},
    {"id": 3, "ratio": None},
]


def table(rows=ROWS, venue="simulator"):
    return Table(
        name="things", venue=venue, columns=COLUMNS, rows=rows, facts={"since": 7}
    )


def whole(kind, **more):
    return b"".join(chunks(table(**more), kind))


def test_json_names_venue_and_badge_and_keeps_the_values():
    found = json.loads(whole(Format.JSON))
    assert (found["venue"], found["badge"]) == ("simulator", "SIMULATED")
    assert (found["name"], found["since"]) == ("things", 7)
    first, second, third = found["rows"]
    assert first == {
        "venue": "simulator",
        "badge": "SIMULATED",
        "id": 1,
        "text": "=SUM(A1)",
        "ratio": 0.5,
        "good": True,
    }
    assert second["text"] == ROWS[1]["text"]
    assert second["ratio"] is None
    assert third["text"] is None


def test_every_line_of_ndjson_is_a_whole_row():
    lines = whole(Format.NDJSON).decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, 2, 3]
    assert all(json.loads(line)["badge"] == "SIMULATED" for line in lines)


def test_csv_is_read_back_and_holds_no_formula():
    rows = list(csv.DictReader(io.StringIO(whole(Format.CSV).decode(), newline="")))
    assert list(rows[0]) == ["venue", "badge", *COLUMNS]
    assert rows[0]["text"] == "'=SUM(A1)"
    assert rows[1]["text"] == ROWS[1]["text"]
    assert [row["good"] for row in rows] == ["true", "false", ""]


def test_parquet_has_types_and_tells_its_venue():
    found = parquet.read_table(io.BytesIO(whole(Format.PARQUET, venue="binance")))
    assert found.schema.metadata[b"badge"] == b"PAPER"
    assert [str(kind) for kind in found.schema.types] == [
        "string",
        "string",
        "int64",
        "string",
        "double",
        "bool",
    ]
    assert found.column("id").to_pylist() == [1, 2, 3]
    assert found.column("venue").to_pylist() == ["binance"] * 3


@pytest.mark.parametrize("kind", Format)
def test_a_table_without_rows_is_a_valid_file(kind):
    raw = whole(kind, rows=[])
    if kind is Format.JSON:
        assert json.loads(raw)["rows"] == []
    elif kind is Format.CSV:
        assert raw.decode().strip() == "venue,badge,id,text,ratio,good"
    elif kind is Format.NDJSON:
        assert raw == b""
    else:
        assert parquet.read_table(io.BytesIO(raw)).num_rows == 0


@pytest.mark.parametrize("kind", Format)
def test_rows_are_read_while_the_file_is_sent(kind, monkeypatch):
    monkeypatch.setattr(export, "BATCH", 10)
    read = []

    def rows():
        for number in range(1000):
            read.append(number)
            yield {"id": number}

    parts = chunks(table(rows=rows()), kind)
    while not read:
        next(parts)
    assert len(read) <= 20
    rest = b"".join(parts)
    assert len(read) == 1000
    assert rest


def test_the_answer_is_a_download_with_a_name():
    request = RequestFactory().get("/")
    response = export_response(request, table(), Format.CSV)
    assert response["Content-Type"].startswith("text/csv")
    assert 'filename="things-simulator-' in response["Content-Disposition"]
    assert response["Content-Disposition"].endswith('.csv"')
    assert response.getvalue() == whole(Format.CSV)


def test_under_asgi_the_pieces_come_one_by_one():
    request = AsyncRequestFactory().get("/")
    response = export_response(request, table(), Format.NDJSON)
    assert response.is_async

    async def read():
        return b"".join([part async for part in response])

    assert asyncio.run(read()) == whole(Format.NDJSON)


def test_an_archive_is_sent_piece_by_piece(tmp_path):
    large = bytes(range(256)) * 20_000
    (tmp_path / "a").write_bytes(large)
    (tmp_path / "b").write_bytes(b"")
    pieces = list(export.zipped((name, tmp_path / name) for name in ("a", "b")))
    assert max(map(len, pieces)) < 1.2 * export.PIECE < len(large)
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "a": large,
            "b": b"",
        }
