"""Rows of ``/klines``: which bars a request asks for, and how they are written."""

import asyncio

import numpy as np

from market.simulator.exchange import Exchange
from market.simulator.hashing import Ints
from market.simulator.intervals import DAY, MINUTE, bar_end, bar_open, previous_open
from market.simulator.prices import EPOCH_MS
from market.simulator.symbols import Symbol, float_writer
from market.simulator.trades import (
    CLOSE,
    COLUMNS,
    HIGH,
    LOW,
    OPEN,
    TAKER_VALUE,
    TAKER_VOLUME,
    VALUE,
    VOLUME,
)

Window = tuple[int | None, int | None]

# Days computed between two turns of the event loop: some ms.
_DAYS_AT_ONCE = 4


def bar_range(interval: str, window: Window, limit: int, now: int) -> tuple[int, int]:
    """(first open, last open), both included; first > last when there is nothing."""
    start, end = window
    newest = bar_open(interval, now)
    last = newest if end is None else min(newest, bar_open(interval, end))
    earliest = _next_boundary(interval, EPOCH_MS)
    if start is None:
        first = previous_open(interval, last, limit - 1)
        return max(first, earliest), last
    first = max(_next_boundary(interval, start), earliest)
    bound = first
    for _ in range(limit - 1 if interval == "1M" else 0):
        bound = bar_end(interval, bound)
    if interval != "1M":
        bound = first + (limit - 1) * (bar_end(interval, first) - first)
    return first, min(last, bound)


async def kline_rows(
    exchange: Exchange, symbol: Symbol, interval: str, window: Window, limit: int
) -> list[list[object]]:
    """The rows of the answer; heavy history is computed in slices."""
    moment = exchange.moment
    first, last = bar_range(interval, window, limit, moment.time_ms)
    if first > last:
        return []
    await _compute(exchange, symbol, interval, first, last)
    moment = exchange.moment
    newest = bar_open(interval, moment.time_ms)
    closed_until = min(newest, bar_end(interval, last))
    rows = exchange.bars.closed(symbol, interval, first, closed_until)
    opens = _opens(interval, first, len(rows))
    length = symbol.trades_per_minute
    counts = [(bar_end(interval, t) - t) // MINUTE * length for t in opens]
    if last >= newest:
        bar, count = open_bar(exchange, symbol, interval)
        rows = np.concatenate((rows, bar[None, :]))
        opens.append(newest)
        counts.append(count)
    return _written(symbol, interval, rows, opens, counts)


def open_bar(exchange: Exchange, symbol: Symbol, interval: str) -> tuple[Ints, int]:
    """The bar being built and its number of trades; flat when nothing traded yet."""
    moment, rank = exchange.moment, symbol.rank
    opened = bar_open(interval, moment.time_ms)
    whole = exchange.bars.open_bar(symbol, interval, moment.minute)
    count = int(moment.counts[rank])
    parts = whole
    if count:
        parts = np.concatenate((whole, moment.page.running[rank, count - 1][None, :]))
    total = (moment.minute - opened // MINUTE) * symbol.trades_per_minute + count
    if not len(parts):
        flat = np.zeros(COLUMNS, dtype=np.int64)
        flat[: CLOSE + 1] = moment.last_prices[rank]
        return flat, 0
    bar = parts[0].copy()
    bar[HIGH], bar[LOW] = parts[:, HIGH].max(), parts[:, LOW].min()
    bar[CLOSE] = parts[-1, CLOSE]
    bar[VOLUME:] = parts[:, VOLUME:].sum(axis=0)
    return bar, total


async def _compute(
    exchange: Exchange, symbol: Symbol, interval: str, first: int, last: int
) -> None:
    """Make the days of the range known without holding up the streams."""
    done = 0
    for day in range(first // DAY, min(last, exchange.moment.time_ms) // DAY + 1):
        if exchange.bars.known(symbol, interval, day):
            continue
        step = "1m" if bar_end(interval, 0) < 15 * MINUTE else "15m"
        exchange.bars.closed(symbol, step, day * DAY, (day + 1) * DAY)
        done += 1
        if done % _DAYS_AT_ONCE == 0:
            await asyncio.sleep(0)


def _next_boundary(interval: str, time_ms: int) -> int:
    opened = bar_open(interval, time_ms)
    return opened if opened == time_ms else bar_end(interval, opened)


def _opens(interval: str, first: int, count: int) -> list[int]:
    opens = []
    for _ in range(count):
        opens.append(first)
        first = bar_end(interval, first)
    return opens


def _written(
    symbol: Symbol, interval: str, rows: Ints, opens: list[int], counts: list[int]
) -> list[list[object]]:
    price = float_writer(symbol.price_decimals)
    quantity = float_writer(symbol.quantity_decimals)
    value = symbol.value_text
    return [
        [
            opened,
            price(row[OPEN]),
            price(row[HIGH]),
            price(row[LOW]),
            price(row[CLOSE]),
            quantity(row[VOLUME]),
            bar_end(interval, opened) - 1,
            value(row[VALUE]),
            count,
            quantity(row[TAKER_VOLUME]),
            value(row[TAKER_VALUE]),
            "0",
        ]
        for opened, count, row in zip(opens, counts, rows.tolist(), strict=True)
    ]
