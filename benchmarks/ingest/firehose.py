"""Measured processes of the firehose: the product's feed code, and the reference."""

import asyncio
import time
from typing import Any

import orjson
import uvloop
from websockets.asyncio.client import connect

from benchmarks.ingest import frames
from market.binance.client import BinanceWebSocketClient
from market.binance.config import WsSettings
from market.binance.plan import shard
from market.binance.streams import Route
from market.binance.urls import Endpoints
from market.config import MarketSettings
from market.domain.state import MarketState
from market.ingest import Ingest

WARM_SECONDS = 1.0


def main(
    *, who: str, port: int, streams: int, seconds: float, transport: str = ""
) -> dict[str, Any]:
    """Read for ``seconds`` and return frames and the CPU seconds they took."""
    if who == "product":
        return uvloop.run(_product(port, streams, seconds, transport))
    return uvloop.run(_reference(port, streams, seconds))


class _Window:
    """Counts between two moments."""

    def __init__(self, frames_now: int) -> None:
        if not frames_now:
            raise ValueError("no frame came before the measurement")
        self._frames = frames_now
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    def end(self, frames_now: int) -> dict[str, Any]:
        return {
            "frames": frames_now - self._frames,
            "cpu_seconds": time.process_time() - self._cpu,
            "seconds": time.perf_counter() - self._wall,
        }


async def _product(
    port: int, streams: int, seconds: float, transport: str
) -> dict[str, Any]:
    """The feed's way: sockets → ingest → state, drained at the feed's tick rate."""
    state = MarketState()
    ws = WsSettings(transport=transport)
    ingest = Ingest(
        state,
        limit=ws.queue_frames,
        pause=lambda: client.pause_reading(),
        resume=lambda: client.resume_reading(),
    )
    address = f"127.0.0.1:{port}"
    client = BinanceWebSocketClient(
        frames.firehose_streams(streams),
        config=ws,
        where=Endpoints(f"http://{address}", f"ws://{address}"),
        deliver=ingest.receive,
    )
    period = 1.0 / MarketSettings().push_hz

    async def tick_until(end: float) -> None:
        due = time.perf_counter()
        while time.perf_counter() < end:
            ingest.drain()
            state.drain_closed()
            state.drain_changes()
            due = max(due + period, time.perf_counter())
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        ingest.drain()

    await client.start_websocket()
    await tick_until(time.perf_counter() + WARM_SECONDS)
    window = _Window(ingest.frames)
    await tick_until(time.perf_counter() + seconds)
    found = window.end(ingest.frames)
    await client.stop_websocket()
    found["conflated"] = ingest.conflated
    found["failures"] = sum(ingest.failures.values())
    found["stale"] = sum(state.counts.stale.values())
    found["applied"] = sum(state.counts.applied.values())
    return found


async def _reference(port: int, streams: int, seconds: float) -> dict[str, Any]:
    """Raw ``websockets`` and ``orjson.loads``, the result thrown away."""
    count = 0

    async def read(route: Route, names: list[str]) -> None:
        nonlocal count
        url = f"ws://127.0.0.1:{port}/{route.value}/stream"
        async with connect(url, compression=None, proxy=None) as socket:
            wanted = {"method": "SUBSCRIBE", "params": names, "id": 1}
            await socket.send(orjson.dumps(wanted).decode())
            while True:
                orjson.loads(await socket.recv(decode=False))
                count += 1

    plan = shard(frames.firehose_streams(streams), WsSettings().streams_per_connection)
    jobs = [asyncio.create_task(read(route, names)) for route, names in plan]
    await asyncio.sleep(WARM_SECONDS)
    window = _Window(count)
    await asyncio.sleep(seconds)
    found = window.end(count)
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    return found
