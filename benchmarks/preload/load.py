"""Measured process of the preload: the product's own, or a bare aiohttp fetch."""

import asyncio
import time
from typing import Any

import aiohttp
import django
import msgspec
import uvloop

django.setup()

from channels.db import database_sync_to_async  # noqa: E402

from core import redis as core_redis  # noqa: E402
from core.clock import SystemClock  # noqa: E402
from market.address_hold import AddressHold  # noqa: E402
from market.binance.rest import BinanceRestClient  # noqa: E402
from market.binance.urls import endpoints  # noqa: E402
from market.budget import SharedWeightBudget  # noqa: E402
from market.preload import Preload  # noqa: E402
from market.services import CandleStore  # noqa: E402

INTERVALS = ("15m", "1h")
VENUE = "simulator"


def main(
    *, who: str, port: int, symbols: int, bars: int, concurrency: int
) -> dict[str, Any]:
    """Fetch everything once; return seconds of wall time and of CPU."""
    pairs = [(f"C{n:03d}USDT", i) for n in range(symbols) for i in INTERVALS]
    load = _product if who == "product" else _bare
    return uvloop.run(_timed(load, port, pairs, bars, concurrency))


async def _timed(
    load: Any, port: int, pairs: list[tuple[str, str]], bars: int, concurrency: int
) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}"
    before, cpu = time.perf_counter(), time.process_time()
    found = await load(url, pairs, bars, concurrency)
    seconds, used = time.perf_counter() - before, time.process_time() - cpu
    # More when the unfinished bar ended meanwhile.
    if found < len(pairs) * bars:
        raise ValueError(f"{found} bars loaded, {len(pairs) * bars} expected")
    return {"seconds": seconds, "cpu": used}


async def _bare(
    url: str, pairs: list[tuple[str, str]], bars: int, concurrency: int
) -> int:
    """The same requests by a pool of workers, each body decoded and thrown away."""
    waiting, found = iter(pairs), 0

    async def work(session: aiohttp.ClientSession) -> None:
        nonlocal found
        for symbol, interval in waiting:
            params = {"symbol": symbol, "interval": interval, "limit": str(bars + 1)}
            async with session.get(f"{url}/fapi/v1/klines", params=params) as answer:
                rows = msgspec.json.decode(await answer.read())
            found += len(rows) - 1

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*[work(session) for _ in range(concurrency)])
    return found


async def _product(
    url: str, pairs: list[tuple[str, str]], bars: int, concurrency: int
) -> int:
    """The product's preload: budget, typed bars, and all of them in the database."""
    redis = core_redis.client()
    address = AddressHold(redis, VENUE, clock=SystemClock())
    budget = SharedWeightBudget(address, VENUE)
    rest = BinanceRestClient(
        endpoints(VENUE, url), budget=budget, concurrency=concurrency
    )
    candles = CandleStore(VENUE)
    try:
        await database_sync_to_async(candles.prepare)(pairs)
        loaded = await Preload(rest, lanes=2 * concurrency).bars(
            pairs,
            bars,
            store=database_sync_to_async(candles.store),
            stored={},
        )
    finally:
        await rest.aclose()
        await budget.aclose()
        await redis.aclose()
    if loaded.failed:
        raise ValueError(f"not loaded: {loaded.failed}")
    return loaded.found
