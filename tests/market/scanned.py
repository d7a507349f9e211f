"""A venue with symbols and bars that can be scanned without an exchange."""

import numpy as np

from market import candle_store
from market.models import Instrument, Series

VENUE = "simulator"
STEP = 900_000
NOW = 1_790_000_100_000 // STEP * STEP  # a boundary: the bar before it has just closed


def names(count):
    return [f"S{number:03d}USDT" for number in range(count)]


def follow(symbols):
    Instrument.objects.bulk_create(
        Instrument(
            venue=VENUE, symbol=symbol, base=symbol[:-4], quote="USDT",
            status="TRADING", tick_size="0.1", step_size="0.1", min_notional="5",
            rank=rank,
        )
        for rank, symbol in enumerate(symbols, 1)
    )  # fmt: skip


def store(symbols, count=120, *, until=NOW, seed=1, drift=0.0, leave_out=()):
    """Store ``count`` bars of each symbol up to ``until``; ``leave_out`` counts back."""
    Series.objects.bulk_create(
        (Series(venue=VENUE, symbol=symbol, interval="15m") for symbol in symbols),
        ignore_conflicts=True,
    )
    ids = dict(Series.objects.values_list("symbol", "id"))
    rng = np.random.default_rng(seed)
    rows = []
    for symbol in symbols:
        close = 100 * np.exp(np.cumsum(rng.normal(drift, 0.004, count)))
        opened = np.r_[close[0], close[:-1]]
        reach = np.abs(rng.normal(0, 0.002, (2, count)))
        high = np.maximum(opened, close) * (1 + reach[0])
        low = np.minimum(opened, close) * (1 - reach[1])
        for n in range(count):
            if count - n in leave_out:
                continue
            at = until - (count - n) * STEP
            values = (opened[n], high[n], low[n], close[n], 10.0 + n, 100.0)
            rows.append((ids[symbol], at, *map(float, values), 5, 6.0, 60.0))
    candle_store.upsert(rows)
