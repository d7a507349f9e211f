"""The reference of the paced run: raw ``websockets`` and a typed msgspec decoder."""

import asyncio
from typing import Any

import msgspec
import uvloop
from websockets.asyncio.client import connect

from benchmarks.child import hear, tell
from market.binance import tls


class _BookTicker(msgspec.Struct, tag_field="e", tag="bookTicker", gc=False):
    u: int
    s: str
    b: float
    B: float
    a: float
    A: float
    T: int
    E: int


class _AggTrade(msgspec.Struct, tag_field="e", tag="aggTrade", gc=False):
    E: int
    s: str
    a: int
    p: float
    q: float
    T: int
    m: bool


class _Bar(msgspec.Struct, gc=False):
    t: int
    i: str
    o: float
    c: float
    h: float
    l: float  # noqa: E741 - the wire's name
    v: float
    n: int
    x: bool
    q: float


class _Kline(msgspec.Struct, tag_field="e", tag="kline", gc=False):
    E: int
    s: str
    k: _Bar


class _Depth(msgspec.Struct, tag_field="e", tag="depthUpdate", gc=False):
    E: int
    s: str
    u: int
    b: tuple[tuple[float, float], ...]
    a: tuple[tuple[float, float], ...]


class _Frame(msgspec.Struct, gc=False):
    stream: str
    data: _BookTicker | _AggTrade | _Kline | _Depth


def main(*, port: int, ca: str, plan: list[tuple[str, list[str]]]) -> None:
    """Follow the streams of ``plan`` (route, names) until standard input ends."""
    uvloop.run(_run(port, ca, plan))


async def _run(port: int, ca: str, plan: list[tuple[str, list[str]]]) -> None:
    context = tls.context(ca)
    decode = msgspec.json.Decoder(_Frame, strict=False).decode
    newest: dict[str, Any] = {}

    async def read(route: str, names: list[str]) -> None:
        url = f"wss://127.0.0.1:{port}/{route}/stream"
        async with connect(url, ssl=context, compression=None, proxy=None) as socket:
            wanted = {"method": "SUBSCRIBE", "params": names, "id": 1}
            await socket.send(msgspec.json.encode(wanted).decode())
            await socket.recv()
            while True:
                frame = decode(await socket.recv(decode=False))
                newest[frame.stream] = frame.data

    jobs = [asyncio.create_task(read(route, names)) for route, names in plan]
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, hear):
        tell({"streams": len(newest)})
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
