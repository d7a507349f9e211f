"""Measured process of the indicators: one way of computing them, over and over."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from market.indicators import Bars, EliteTechnicalEngine

STEP_MS = 900_000
TICK_SHARE = 20_000


def main(
    *, who: str, beside: list[str], series: int, bars: int, repeats: int
) -> dict[str, Any]:
    """Return median CPU times of one computation, ms: its own and those ``beside``.

    They take turns in one process, so that a slow phase of the machine meets all.
    """
    data = invented(series, bars)
    names = (who, *beside)
    calls = {name: WAYS[name](data) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(repeats + 1):
        for name, call in calls.items():
            spent = _timed(call)
            # The first time is for caches and lazy imports.
            if repeat:
                times[name].append(spent)
    found = {name: statistics.median(spent) for name, spent in times.items()}
    return {"own": found[who], **found}


def invented(series: int, bars: int) -> Bars:
    """Seeded random walks on a tick, without missing bars."""
    rng = np.random.default_rng(7)
    scale = 10.0 ** rng.uniform(-3, 5, series)
    close = scale * np.exp(np.cumsum(rng.normal(0, 0.004, (bars, series)), axis=0))
    opened = np.vstack((close[:1], close[:-1]))
    reach = np.abs(rng.normal(0, 0.002, (2, bars, series)))
    high = np.maximum(opened, close) * (1 + reach[0])
    low = np.minimum(opened, close) * (1 - reach[1])
    tick = scale / TICK_SHARE
    opened, high, low, close = (
        np.round(grid / tick) * tick for grid in (opened, high, low, close)
    )
    names = tuple(f"C{number:03d}USDT" for number in range(series))
    times = np.arange(bars) * STEP_MS
    volume = rng.random((bars, series)) * 1000
    return Bars(names, times, opened, high, low, close, volume)


def _timed(call: Callable[[], object]) -> float:
    before = time.process_time()
    call()
    return (time.process_time() - before) * 1000


def _columns(bars: Bars) -> list[tuple[Any, ...]]:
    """Close, high and low of each series, each as TA-Lib likes it best."""
    grids = [np.ascontiguousarray(x.T) for x in (bars.close, bars.high, bars.low)]
    return list(zip(*grids, strict=True))


def _calls(bars: Bars) -> Callable[[], object]:
    """TA-Lib's functions called for each series, every result thrown away."""
    import talib

    columns = _columns(bars)

    def call() -> None:
        for close, high, low in columns:
            talib.EMA(close, 20)
            talib.RSI(close, 14)
            talib.MACD(close, 12, 26, 9)
            talib.BBANDS(close, 20, 2.0, 2.0)
            talib.ADX(high, low, close, 14)
            talib.ATR(high, low, close, 14)

    return call


def _reference(bars: Bars) -> Callable[[], object]:
    """The same with every result kept, in arrays made beforehand."""
    import talib

    columns = _columns(bars)
    kept = np.empty((10, len(columns), len(bars)))
    ema, rsi, macd, signal, histogram, upper, middle, lower, adx, atr = kept

    def call() -> None:
        for n, (close, high, low) in enumerate(columns):
            ema[n] = talib.EMA(close, 20)
            rsi[n] = talib.RSI(close, 14)
            macd[n], signal[n], histogram[n] = talib.MACD(close, 12, 26, 9)
            upper[n], middle[n], lower[n] = talib.BBANDS(close, 20, 2.0, 2.0)
            adx[n] = talib.ADX(high, low, close, 14)
            atr[n] = talib.ATR(high, low, close, 14)

    return call


def _panel(bars: Bars, *, use_talib: bool) -> Callable[[], object]:
    engine = EliteTechnicalEngine(use_talib=use_talib, cache_enabled=False)
    if use_talib and engine.backend != "talib":
        raise ValueError("TA-Lib is not installed")
    return lambda: engine.calculate_panel(bars)


def _step(bars: Bars) -> Callable[[], object]:
    state = EliteTechnicalEngine(use_talib=False).begin(bars)
    last = {name: getattr(bars, name)[-1] * 1.001 for name in ("high", "low", "close")}
    return lambda: state.step(state.time + STEP_MS, **last)


def _everything(bars: Bars) -> Callable[[], object]:
    engine = EliteTechnicalEngine(cache_enabled=False)
    return lambda: engine.calculate_bars(bars)


WAYS: dict[str, Callable[[Bars], Callable[[], object]]] = {
    "reference": _reference,
    "calls alone": _calls,
    "talib": lambda bars: _panel(bars, use_talib=True),
    "numpy": lambda bars: _panel(bars, use_talib=False),
    "step": _step,
    "everything": _everything,
}
