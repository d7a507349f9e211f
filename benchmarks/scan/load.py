"""Measured process of the scan: real Redis, real database, 140 symbols × 2 intervals."""

import statistics
import time
from typing import Any

import django

django.setup()

import numpy as np  # noqa: E402

from core import redis as core_redis  # noqa: E402
from core import wire  # noqa: E402
from market import candle_store  # noqa: E402
from market.config import MarketSettings, ScanSettings  # noqa: E402
from market.domain.candles import INTERVAL_MS  # noqa: E402
from market.indicators import EliteTechnicalEngine  # noqa: E402
from market.models import Instrument, Scan, Series  # noqa: E402
from market.scanning import Scanner  # noqa: E402

VENUE = "simulator"
INTERVALS = ("15m", "1h")
NOW = 1_790_000_100_000 // 3_600_000 * 3_600_000 + 20_000


def main(*, symbols: int, bars: int, repeats: int) -> dict[str, Any]:
    """Return medians in ms: both intervals from live state, and at a close."""
    names = [f"C{number:03d}USDT" for number in range(symbols)]
    _fill(names, bars)
    scanner = Scanner(
        VENUE,
        market=MarketSettings(intervals=INTERVALS),
        scan=ScanSettings(bars=bars),
        engine=EliteTechnicalEngine(use_talib=False, cache_enabled=False),
        exchange_now=lambda venue: NOW,
    )
    _scan(scanner, names)  # bars are read, code is loaded
    live, whole, close = [], [], []
    for _ in range(repeats):
        judged, all_of_it = _scan(scanner, names)
        live.append(judged)
        whole.append(all_of_it)
        scanner._memory._computed.clear()
        close.append(_scan(scanner, names)[0])
    return {
        "live": statistics.median(live),
        "whole": statistics.median(whole),
        "close": statistics.median(close),
    }


def _scan(scanner: Scanner, names: list[str]) -> tuple[float, float]:
    """Scan both intervals; return what the scans say they took, and all of it."""
    rows = [
        Scan.objects.create(
            venue=VENUE,
            interval=interval,
            trigger="person",
            requested_at=time.time_ns() // 1_000_000,
            total_symbols=len(names),
            min_score=70.0,
        )
        for interval in INTERVALS
    ]
    began = time.perf_counter()
    scanner.look()
    spent = (time.perf_counter() - began) * 1000
    done = list(Scan.objects.filter(id__in=[row.id for row in rows], state="done"))
    if len(done) != len(rows) or any(row.scanned != len(names) for row in done):
        raise ValueError(f"not everything was scanned: {[r.failed for r in done]}")
    return sum((row.elapsed_seconds or 0.0) * 1000 for row in done), spent


def _fill(names: list[str], bars: int) -> None:
    Instrument.objects.bulk_create(
        Instrument(
            venue=VENUE,
            symbol=name,
            base=name[:-4],
            quote="USDT",
            status="TRADING",
            tick_size="0.1",
            step_size="0.1",
            min_notional="5",
            rank=rank,
        )
        for rank, name in enumerate(names, 1)
    )
    Series.objects.bulk_create(
        Series(venue=VENUE, symbol=name, interval=interval)
        for name in names
        for interval in INTERVALS
    )
    rng = np.random.default_rng(7)
    rows: list[Any] = []
    for number, interval in Series.objects.values_list("id", "interval"):
        step = INTERVAL_MS[interval]
        first = NOW // step * step - bars * step
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.004, bars)))
        reach = np.abs(rng.normal(0, 0.002, (2, bars)))
        opened = np.r_[close[:1], close[:-1]]
        high = np.maximum(opened, close) * (1 + reach[0])
        low = np.minimum(opened, close) * (1 - reach[1])
        for n in range(bars):
            prices = (opened[n], high[n], low[n], close[n])
            rows.append(
                (number, first + n * step, *map(float, prices), 9.0, 90.0, 5, 4.0, 40.0)
            )
    candle_store.upsert(rows)
    quote = {"p": 100.0, "b": 99.9, "B": 5.0, "a": 100.1, "A": 4.0}
    quote |= {"m": 100.0, "i": 100.1, "f": 0.0001}
    with core_redis.sync_client() as redis:
        redis.hset(
            core_redis.key("state", VENUE, "quotes"),
            mapping={name: wire.encode({"k": name, **quote}) for name in names},
        )
