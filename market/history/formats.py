"""One file of any known kind, read into columns.

Known by content, never by name: Parquet, and text with a header of column names or of a
Binance public dump without one; text may be packed with gzip or alone in a zip file.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from market.history.columns import Bars, FileProblem, joined
from market.history.findings import Findings
from market.history.names import Columns, series_of
from market.history.opened import inner_name, is_parquet, opened
from market.history.parquet_file import ParquetTable
from market.history.stamps import Stamps, YearLast
from market.history.text_file import TextTable

# How many rows are read so far.
Show = Callable[[int], None]


@dataclass(frozen=True)
class Source:
    """A file and what is told about it; ``symbol`` names the assets of its volumes."""

    path: Path
    symbol: str = ""
    year_last: YearLast = YearLast.REFUSED

    def series(self) -> tuple[str, str] | None:
        """Return (symbol, interval) when the name is that of a public dump.

        Raises ``FileProblem`` or ``OSError``.
        """
        return series_of(self.path.name) or series_of(inner_name(self.path))


@dataclass
class Content:
    """All that a file holds; ``findings`` are the rows that could not be read."""

    bars: Bars
    findings: Findings
    columns: Columns
    notes: list[str] = field(default_factory=list)


class _Table(Protocol):
    columns: Columns

    def chunks(self, stamps: Stamps) -> Iterator[Bars]:
        """Read on."""


def read(source: Source, show: Show = lambda rows: None) -> Content:
    """Read a whole file; raises ``FileProblem`` or ``OSError``.

    The text is read in chunks; in memory are the columns only.
    """
    findings = Findings(source.path.name)
    stamps = Stamps(source.year_last)
    symbol = source.symbol
    if is_parquet(source.path):
        table: _Table = ParquetTable(source.path, symbol=symbol, findings=findings)
        bars = _collect(table, stamps, show)
        notes: list[str] = []
    else:
        with opened(source.path) as text:
            lines = TextTable(text, symbol=symbol, findings=findings)
            bars = _collect(lines, stamps, show)
            table, notes = lines, lines.notes
            if lines.repeated_headers:
                notes.append(f"{lines.repeated_headers} repeated headers left out")
    return Content(
        bars, findings, table.columns, [*notes, *_notes(table.columns, stamps)]
    )


def _collect(table: _Table, stamps: Stamps, show: Show) -> Bars:
    parts: list[Bars] = []
    rows = 0
    for part in table.chunks(stamps):
        parts.append(part)
        rows += len(part)
        show(rows)
    return joined(parts, table.columns.values)


def _notes(columns: Columns, stamps: Stamps) -> list[str]:
    time = columns.names[columns.time]
    read_as = [f"{stamps.unit} since the epoch"] if stamps.unit else []
    if stamps.dates:
        read_as.append("dates in UTC unless they name an offset")
    notes = [f"open time: column {time}"]
    if read_as:
        notes = [f"open time: column {time}, {' and '.join(read_as)}"]
    for name in ("volume", "quote_volume"):
        if name in columns.values:
            notes.append(f"{name}: column {columns.names[columns.values[name]]}")
    if columns.lacking:
        notes.append(f"not in the file, stored as 0: {', '.join(columns.lacking)}")
    return notes


__all__ = ["Content", "FileProblem", "Source", "YearLast", "read"]
