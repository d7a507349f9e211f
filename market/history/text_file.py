"""Candles in text files: where the table begins, and its rows in typed chunks."""

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import IO

import numpy as np

from market.history import numbers
from market.history.columns import NEEDED, Bars, FileProblem
from market.history.findings import Findings
from market.history.names import DUMP, TIMES, find_columns, plain
from market.history.stamps import Stamps

CHUNK_ROWS = 20_000
# A table begins within these lines or nowhere.
HEAD_LINES = 20
DELIMITERS = (",", ";", "\t", "|")
LINE_LIMIT = 100_000

Rows = Iterator[tuple[int, list[str]]]


class TextTable:
    """The table of an open text; ``columns`` and ``notes`` say how it is read."""

    def __init__(self, text: IO[str], *, symbol: str, findings: Findings) -> None:
        self._findings = findings
        self.notes: list[str] = []
        self.repeated_headers = 0
        read = (text.readline(LINE_LIMIT) for _ in range(HEAD_LINES))
        head = [line for line in read if line]
        if any(len(line) == LINE_LIMIT or "\0" in line for line in head):
            raise FileProblem("this is neither text nor Parquet")
        self._delimiter, begin, header = _find_table(head)
        self._header = header
        rest = head[begin:]
        if header is None:
            self.columns = find_columns(DUMP)
            self.notes.append("no header: read as a Binance dump of 12 columns")
        else:
            self.columns = find_columns(header, symbol)
            rest = head[begin + 1 :]
        if begin:
            self.notes.append(f"{begin} lines before the table are no part of it")
        self._first_line = begin + (header is not None)
        self._lines = chain(rest, text)
        self._series = ""

    def chunks(self, stamps: Stamps) -> Iterator[Bars]:
        """Read on; what cannot be read is found and left out."""
        rows = self._rows()
        try:
            while chunk := list(islice(rows, CHUNK_ROWS)):
                yield self._typed(chunk, stamps)
        except csv.Error as error:
            raise FileProblem(f"the text cannot be read on: {error}") from error

    def _rows(self) -> Rows:
        reader = csv.reader(self._lines, delimiter=self._delimiter)
        width = len(self.columns.names)
        # A dump's last field is of no use and may be absent.
        least = width - 1 if self._header is None else width
        for row in reader:
            if len(row) == width or len(row) == least:
                if row == self._header:
                    self.repeated_headers += 1
                    continue
                yield reader.line_num + self._first_line, row
            elif row and any(cell.strip() for cell in row):
                line = reader.line_num + self._first_line
                if len(row) > width and not any(map(str.strip, row[width:])):
                    yield line, row
                else:
                    rule = f"a row must have {width} columns"
                    self._findings.add(line, "columns", len(row), rule)

    def _typed(self, chunk: list[tuple[int, list[str]]], stamps: Stamps) -> Bars:
        lines = np.array([line for line, _ in chunk], dtype=np.int64)
        rows = [row for _, row in chunk]
        good = np.ones(len(rows), dtype=np.bool_)

        def column(at: int) -> list[str]:
            return [row[at] for row in rows]

        def refuse(name: str, texts: Sequence[str], bad: dict[int, str]) -> None:
            for number, rule in bad.items():
                good[number] = False
                self._findings.add(int(lines[number]), name, repr(texts[number]), rule)

        names = self.columns.names
        texts = column(self.columns.time)
        times, bad = stamps.texts(texts)
        refuse(names[self.columns.time], texts, bad)
        values = {}
        for name, at in self.columns.values.items():
            texts = column(at)
            values[name], bad = numbers.parse(texts, comma=self._delimiter == ",")
            refuse(names[at], texts, bad)
        if self.columns.symbol is not None:
            self._one_series(column(self.columns.symbol), refuse)
        bars = Bars(times, lines, values)
        return bars if good.all() else bars.take(good)

    def _one_series(
        self,
        texts: list[str],
        refuse: Callable[[str, Sequence[str], dict[int, str]], None],
    ) -> None:
        self._series = self._series or texts[0]
        if len(set(texts)) > 1 or texts[0] != self._series:
            rule = f"the file began with {self._series}: one series to a file"
            others = {n: rule for n, text in enumerate(texts) if text != self._series}
            refuse("symbol", texts, others)


def _find_table(head: list[str]) -> tuple[str, int, list[str] | None]:
    """Return (delimiter, number of lines before the table, header or None)."""
    widths: list[int] = []
    for number, line in enumerate(head):
        delimiter = max(DELIMITERS, key=line.count)
        cells = next(iter(csv.reader([line], delimiter=delimiter)), [])
        if _is_dump_row(cells):
            # A line as wide as the table is a row of it, however broken.
            same = widths.index(len(cells)) if len(cells) in widths else number
            return delimiter, same, None
        names = {plain(cell) for cell in cells}
        if len(cells) > 1 and (names & set(TIMES) or names >= set(NEEDED)):
            return delimiter, number, cells
        widths.append(len(cells))
    raise FileProblem(
        f"no table found in the first {HEAD_LINES} lines: neither a Binance dump nor "
        "a header with an open time, open, high, low, close, volume"
    )


def _is_dump_row(cells: list[str]) -> bool:
    if len(cells) not in (len(DUMP), len(DUMP) - 1):
        return False
    time = cells[0].strip()
    return time.isascii() and time.isdigit() and len(time) > 8
