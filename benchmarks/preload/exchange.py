"""An exchange that answers ``klines`` after a fixed latency and counts their weight."""

import asyncio
import json
import time
from collections import Counter
from typing import Any

from aiohttp import web

from benchmarks.child import hear, tell

STEP_MS = {"15m": 900_000, "1h": 3_600_000}
WEIGHT = 2


class Exchange:
    """Bodies are made before anybody asks, so that only the latency is waited for."""

    def __init__(self, latency: float, bars: int) -> None:
        self._latency = latency
        self._made = {name: _rows(step, bars) for name, step in STEP_MS.items()}
        self.weights: Counter[int] = Counter()

    async def klines(self, request: web.Request) -> web.Response:
        """Answer the same bars to everybody, whatever the symbol."""
        minute = int(time.time() // 60)
        self.weights[minute] += WEIGHT
        used = str(self.weights[minute])
        await asyncio.sleep(self._latency)
        return web.Response(
            body=self._made[request.query["interval"]],
            content_type="application/json",
            headers={"X-MBX-USED-WEIGHT-1M": used},
        )

    async def time(self, request: web.Request) -> web.Response:
        """Answer the time."""
        return web.json_response({"serverTime": time.time_ns() // 1_000_000})


def _rows(step: int, bars: int) -> bytes:
    """Return the last bars, the unfinished one included, as the exchange writes them."""
    now = time.time_ns() // 1_000_000
    newest = now // step * step
    rows = [
        [
            newest - (bars - number) * step,
            f"{25 + number / 7:.4f}",
            f"{26 + number / 7:.4f}",
            f"{24 + number / 7:.4f}",
            f"{25.5 + number / 7:.4f}",
            f"{1800.5 + number:.3f}",
            newest - (bars - number - 1) * step - 1,
            f"{46_000.25 + number:.5f}",
            900 + number,
            "900.250",
            "23000.12500",
            "0",
        ]
        for number in range(bars + 1)
    ]
    return json.dumps(rows).encode()


def main(*, latency: float, bars: int) -> dict[str, Any]:
    """Serve until a line comes; tell the port first, the weights at the end."""
    return asyncio.run(_serve(latency, bars))


async def _serve(latency: float, bars: int) -> dict[str, Any]:
    exchange = Exchange(latency, bars)
    app = web.Application()
    app.router.add_get("/fapi/v1/klines", exchange.klines)
    app.router.add_get("/fapi/v1/time", exchange.time)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    tell({"port": runner.addresses[0][1]})
    await asyncio.to_thread(hear)
    await runner.cleanup()
    return {"most_weight": max(exchange.weights.values(), default=0)}
