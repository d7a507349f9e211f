"""Bars as values and as the files that different sources make of them."""

import csv
import io
from datetime import UTC, datetime

import numpy as np

from market.history.columns import VALUES, Bars
from market.history.names import DUMP

HOUR = 3_600_000
START = 1_700_006_400_000  # a whole hour
NOW = START + 10_000 * HOUR
HEADER = (
    "open_time", "open", "high", "low", "close", "volume", "close_time",
    "quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip
assert HEADER == DUMP


def bar(number, **changes):
    """Values of the bar of that hour, by name."""
    values = {
        "open_time": START + number * HOUR, "open": 100.0 + number % 7, "high": 110.5,
        "low": 95.25, "close": 101.5, "volume": 10.0 + number, "trades": 20 + number,
        "quote_volume": (10.0 + number) * 100, "taker_base": 4.0, "taker_quote": 400.0,
    }  # fmt: skip
    return values | changes


def series(count):
    return [bar(number) for number in range(count)]


def columns(bars):
    """The columns that must be read from any file of these bars."""
    return Bars(
        np.array([b["open_time"] for b in bars], dtype=np.int64),
        np.arange(len(bars), dtype=np.int64),
        {name: np.array([b[name] for b in bars], dtype=np.float64) for name in VALUES},
    )


def same(found, bars):
    wanted = columns(bars)
    return found.open_times.tolist() == wanted.open_times.tolist() and all(
        found.values[name].tolist() == wanted.values[name].tolist()
        for name in found.values
    )


def dump_row(b, *, times=1):
    """A row of a public dump; ``times`` is 1000 for microseconds."""
    closed = b["open_time"] + HOUR - 1
    return [
        b["open_time"] * times, b["open"], b["high"], b["low"], b["close"], b["volume"],
        closed * times, b["quote_volume"], b["trades"], b["taker_base"],
        b["taker_quote"], 0,
    ]  # fmt: skip


def dump(bars, *, header=True, times=1):
    rows = [dump_row(b, times=times) for b in bars]
    return table([HEADER, *rows] if header else rows)


def table(rows, delimiter=",", end="\n"):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows(rows)
    return out.getvalue()


def moment(b):
    return datetime.fromtimestamp(b["open_time"] / 1000, UTC)
