"""Bars for the tests: invented ones of many shapes, and recorded ones."""

import csv
import gzip
import json

import numpy as np
from hypothesis import strategies as st

from market.indicators.bars import Bars
from tests.payloads import CAPTURES

STEP_MS = 900_000
KINDS = ("walk", "coarse", "still", "jumps", "rising", "falling", "no range")


def invented(seed, count=200, series=1, kind="walk"):
    """Bars without holes; ``coarse`` prices are few, so highs and lows are often equal."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 0.004, (count, series))
    if kind == "jumps":
        moves += (rng.random((count, series)) < 0.03) * rng.normal(0, 1.5, moves.shape)
    if kind in ("rising", "falling"):
        moves = np.abs(moves) * (1 if kind == "rising" else -1)
    if kind == "still":
        moves[rng.integers(0, count) :] = 0.0
        moves[: rng.integers(0, count)] = 0.0
    scale = 10.0 ** rng.integers(-4, 5, series)
    close = scale * np.exp(np.cumsum(moves, axis=0))
    opened = np.vstack((close[:1], close[:-1]))
    reach = np.abs(rng.normal(0, 0.002, (2, count, series)))
    if kind in ("still", "no range"):
        reach[:] = 0.0
    high = np.maximum(opened, close) * (1 + reach[0])
    low = np.minimum(opened, close) * (1 - reach[1])
    grids = [opened, high, low, close]
    if kind == "coarse":
        tick = scale / 500
        grids = [np.maximum(np.round(grid / tick), 1) * tick for grid in grids]
    return Bars(
        tuple(f"S{number}" for number in range(series)),
        np.arange(count) * STEP_MS,
        *grids,
        rng.random((count, series)) * 100,
    )


SEVERAL = st.integers(1, 3)


def any_bars(least=60, most=260, series=SEVERAL):
    """Strategy of bars of every kind."""
    return st.builds(
        invented,
        seed=st.integers(0, 2**32 - 1),
        count=st.integers(least, most),
        series=series,
        kind=st.sampled_from(KINDS),
    )


def first(bars, count):
    """The first bars only."""
    return Bars(
        bars.symbols,
        bars.times[:count],
        *(
            getattr(bars, name)[:count]
            for name in ("open", "high", "low", "close", "volume")
        ),
    )


def plain(rows):
    """One series from rows (open, high, low, close)."""
    opened, high, low, close = np.array(rows, float).T
    return Bars.single(
        "X",
        np.arange(len(rows)),
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=np.ones(len(rows)),
    )


def recorded():
    """Recorded series by name: an hour chart of Binance, two years of Coinbase."""
    path = CAPTURES / "klines-rest" / "XRP_USDT_USDT-1h-futures.json.gz"
    rows = np.array(json.loads(gzip.decompress(path.read_bytes())), float)
    yield "XRPUSDT", rows[:, 0].astype(np.int64), rows[:, 1:6]
    path = CAPTURES.parent / "training" / "Coinbase_BTCUSD_1h.csv"
    with path.open(newline="") as file:
        next(file)
        lines = list(csv.DictReader(file))[::-1]
    names = ("open", "high", "low", "close", "volume")
    values = np.array([[float(line[name]) for name in names] for line in lines])
    yield "BTCUSD", np.arange(len(lines)) * 3_600_000, values


def recorded_bars():
    """The same as bars."""
    for symbol, times, values in recorded():
        names = ("open", "high", "low", "close", "volume")
        columns = dict(zip(names, values.T, strict=True))
        yield Bars.single(symbol, times, **columns)
