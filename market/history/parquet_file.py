"""Candles in Parquet files, read batch by batch."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from market.history import numbers
from market.history.columns import Bars, FileProblem, Floats, Ints
from market.history.findings import Findings
from market.history.names import Columns, find_columns
from market.history.stamps import Stamps

CHUNK_ROWS = 50_000
# Under this name pandas keeps an index without a name.
INDEX = "__index_level_0__"
ABSENT_TIME = "a time must be there"


class ParquetTable:
    """The table of a Parquet file; rows are numbered from 1."""

    def __init__(self, path: Path, *, symbol: str, findings: Findings) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        findings.place = "row"
        self._findings = findings
        self._pa = pa
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise FileProblem(f"the Parquet file is damaged: {error}") from error
        names = [
            "open_time" if field.name == INDEX and _is_time(pa, field.type)
            else field.name
            for field in self._file.schema_arrow
        ]  # fmt: skip
        self.columns: Columns = find_columns(names, symbol)
        self._fields = self._file.schema_arrow.names

    def chunks(self, stamps: Stamps) -> Iterator[Bars]:
        """Read on; what cannot be read is found and left out."""
        wanted = {self.columns.time, *self.columns.values.values()}
        if self.columns.symbol is not None:
            wanted.add(self.columns.symbol)
        done, series = 0, None
        try:
            batches = self._file.iter_batches(
                batch_size=CHUNK_ROWS, columns=[self._fields[at] for at in wanted]
            )
            for batch in batches:
                series = self._one_series(batch, series, done)
                yield self._typed(batch, stamps, done)
                done += batch.num_rows
        except (self._pa.ArrowException, OSError, ValueError) as error:
            raise FileProblem(f"the Parquet file is damaged: {error}") from error

    def _typed(self, batch: Any, stamps: Stamps, done: int) -> Bars:
        lines = np.arange(done + 1, done + batch.num_rows + 1, dtype=np.int64)
        good = np.ones(batch.num_rows, dtype=np.bool_)

        def refuse(name: str, column: Any, bad: dict[int, str]) -> None:
            for number, rule in bad.items():
                good[number] = False
                value = repr(column[number].as_py())
                self._findings.add(int(lines[number]), name, value, rule)

        name = self._fields[self.columns.time]
        column = batch.column(name)
        times, bad = _times(self._pa, column, stamps)
        refuse(name, column, bad)
        values = {}
        for value, at in self.columns.values.items():
            column = batch.column(self._fields[at])
            values[value], bad = _floats(self._pa, column)
            refuse(self._fields[at], column, bad)
        bars = Bars(times, lines, values)
        return bars if good.all() else bars.take(good)

    def _one_series(self, batch: Any, series: Any, done: int) -> Any:
        if self.columns.symbol is None:
            return None
        texts = batch.column(self._fields[self.columns.symbol]).to_pylist()
        series = series if series is not None or not texts else texts[0]
        if set(texts) - {series}:
            rule = f"the file began with {series}: one series to a file"
            for number, text in enumerate(texts, done + 1):
                if text != series:
                    self._findings.add(number, "symbol", text, rule)
        return series


def _is_time(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _times(pa: Any, column: Any, stamps: Stamps) -> tuple[Ints, dict[int, str]]:
    kind, types = column.type, pa.types
    if types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if types.is_string(kind) or types.is_large_string(kind):
        return stamps.texts([text or "" for text in column.to_pylist()])
    absent = {int(at): ABSENT_TIME for at in np.flatnonzero(column.is_null())}
    filled = column
    if types.is_date(kind):
        filled = column.cast(pa.timestamp("ms"))
    elif types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind):
        # As text an absent, a broken and a whole number are told apart.
        if not types.is_integer(kind):
            return stamps.texts([_whole(v) for v in column.to_pylist()])
        times, bad = stamps.numbers(_integers(pa, filled.fill_null(0)))
        return times, {**bad, **absent}
    elif not types.is_timestamp(kind):
        raise FileProblem(f"an open time of type {kind} is not understood")
    units = {"s": (1000, 1), "ms": (1, 1), "us": (1, 1000), "ns": (1, 1_000_000)}
    up, down = units[filled.type.unit]
    return _integers(pa, filled.cast(pa.int64()).fill_null(0)) * up // down, absent


def _integers(pa: Any, column: Any) -> Ints:
    found: Ints = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return found.astype(np.int64)


def _whole(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if value == value and value % 1 == 0 else str(value)


def _floats(pa: Any, column: Any) -> tuple[Floats, dict[int, str]]:
    kind, types = column.type, pa.types
    if types.is_string(kind) or types.is_large_string(kind):
        return numbers.parse([text or "" for text in column.to_pylist()], comma=True)
    if not (
        types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind)
    ):
        raise FileProblem(f"numbers of type {kind} are not understood")
    if types.is_integer(kind):
        column = column.cast(pa.int64())
    # A null is read as NaN: the rule for absent values is the one for NaN.
    found = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found.astype(np.float64), {}
