"""Stored candles for studies: real arrays from the simulator's seeded prices."""

import numpy as np

from market import services

HOUR = 3_600_000
START = 1_700_000_000_000 // HOUR * HOUR


def rows(bars=400, *, seed=0, start=START):
    """Rows of the candle table of a random walk, hour by hour."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(0.01 * random.standard_normal(bars)))
    open_ = np.concatenate(([100.0], close[:-1]))
    high = np.maximum(open_, close) * (1 + 0.002 * random.random(bars))
    low = np.minimum(open_, close) * (1 - 0.002 * random.random(bars))
    volume = 10 + 5 * random.random(bars)
    return [
        (
            start + HOUR * at,
            *(float(column[at]) for column in (open_, high, low, close, volume)),
            float(volume[at] * close[at]),
            100,
            float(volume[at] / 2),
            float(volume[at] * close[at] / 2),
        )
        for at in range(bars)
    ]


def store(made, *, venue="simulator", symbol="BTCUSDT", interval="1h"):
    """Put rows into the candle table."""
    services.CandleStore(venue).store_rows((symbol, interval), made)
