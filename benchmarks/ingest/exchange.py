"""The sending side: speaks the exchange's protocol and sends frames of the mix.

Two ways: ``firehose`` writes blobs of a megabyte as fast as they are taken,
``paced`` one frame a write at a steady rate. Three REST paths let a whole feed
start from it. Runs in a process of its own, by ``benchmarks.child``.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.child import hear, tell
from benchmarks.ingest import frames
from market.simulator.tls import ensure_tls

BLOB_BYTES = 2_000_000
PACE_SECONDS = 0.001
FIRST_ID = 10**12
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Connection:
    """One client: its socket and what it subscribed."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.streams: list[str] = []

    def take(self, opcode: int, data: bytes) -> None:
        """Answer a message of the client."""
        if opcode == PING:
            self.writer.write(bytes((0x80 | PONG, len(data))) + data)
        elif opcode == TEXT:
            wanted = json.loads(data)
            if wanted["method"] == "SUBSCRIBE":
                self.streams += wanted["params"]
            answer = json.dumps({"result": None, "id": wanted["id"]}).encode()
            self.writer.write(frames.websocket_frame(answer))


class Exchange:
    """All connections, and the job that feeds them once enough is subscribed."""

    def __init__(self, *, streams: int, rate: int, symbols: int) -> None:
        self._enough = streams
        self._rate = rate
        self._symbols = frames.symbols(symbols)
        self._ready = asyncio.Event()
        self.connections: list[Connection] = []
        self.sent = 0

    @property
    def streams(self) -> int:
        """How many streams are subscribed."""
        return sum(len(connection.streams) for connection in self.connections)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One TCP connection: a websocket, or a single REST call."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            key = _header(head, b"sec-websocket-key")
            if key:
                await self._websocket(reader, writer, key)
            else:
                _answer(writer, self._rest(path))
                await writer.drain()
        writer.close()

    def _rest(self, path: str) -> Any:
        now = time.time_ns() // 1_000_000
        if path.startswith("/fapi/v1/time"):
            return {"serverTime": now}
        if path.startswith("/fapi/v1/exchangeInfo"):
            contracts = [_contract(name) for name in self._symbols]
            return {"serverTime": now, "rateLimits": [], "symbols": contracts}
        if path.startswith("/fapi/v1/ticker/24hr"):
            return [_day(name, now, rank) for rank, name in enumerate(self._symbols)]
        return []

    async def _websocket(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: bytes
    ) -> None:
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        connection = Connection(writer)
        self.connections.append(connection)
        try:
            while True:
                opcode, data = await _read_frame(reader)
                if opcode == CLOSE:
                    return
                connection.take(opcode, data)
                if self.streams >= self._enough:
                    self._ready.set()
        finally:
            self.connections.remove(connection)

    async def feed(self) -> None:
        """Send for as long as somebody listens."""
        await self._ready.wait()
        with contextlib.suppress(OSError):
            await (self._pace() if self._rate else self._pour())

    async def _pour(self) -> None:
        owners = self._owners()
        order = frames.sequence(owners, BLOB_BYTES)
        blobs = [
            (connection, frames.Blob([n for n in order if owners[n] is connection]))
            for connection in self.connections
        ]
        generation = 0
        while True:
            generation += 1
            for connection, blob in blobs:
                connection.writer.write(blob.renewed(generation))
            await asyncio.gather(*(c.writer.drain() for c, _ in blobs))
            self.sent += len(order)

    async def _pace(self) -> None:
        number, known = 1_700_000_000_000, 0
        told: Counter[str] = Counter()
        begun = time.perf_counter()
        while True:
            if known != self.streams:
                known = self.streams
                owners = self._owners()
                turns = frames.Turns(owners)
            due = int((time.perf_counter() - begun) * self._rate)
            for _ in range(due - self.sent):
                name, number = turns.next(), number + 1
                told[name] += 1
                text = frames.payload(name, str(number), str(FIRST_ID + told[name]))
                owners[name].writer.write(frames.websocket_frame(text))
            self.sent = max(self.sent, due)
            await asyncio.sleep(PACE_SECONDS)

    def _owners(self) -> dict[str, Connection]:
        return {
            name: connection
            for connection in self.connections
            for name in connection.streams
            if not name.startswith("!")
        }


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2), "big")
    mask = await reader.readexactly(4)
    data = await reader.readexactly(length)
    return first & 0xF, bytes(b ^ mask[i & 3] for i, b in enumerate(data))


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


def _answer(writer: asyncio.StreamWriter, body: Any) -> None:
    text = json.dumps(body).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(text), text)
    )


def _contract(name: str) -> dict[str, Any]:
    return {
        "symbol": name, "pair": name, "contractType": "PERPETUAL", "status": "TRADING",
        "baseAsset": name.removesuffix("USDT"), "quoteAsset": "USDT",
        "marginAsset": "USDT", "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.0001"},
            {"filterType": "LOT_SIZE", "stepSize": "0.01"},
        ],
    }  # fmt: skip


def _day(name: str, now: int, rank: int) -> dict[str, Any]:
    return {
        "symbol": name, "lastPrice": "25.36", "openPrice": "25.3", "count": 2,
        "highPrice": "26.0", "lowPrice": "25.0", "volume": "1000.0", "lastQty": "1.0",
        "quoteVolume": str(10**6 - rank), "priceChangePercent": "0.2",
        "priceChange": "0.06", "weightedAvgPrice": "25.3", "firstId": 1, "lastId": 2,
        "openTime": now - 86_400_000, "closeTime": now,
    }  # fmt: skip


async def _run(*, streams: int, rate: int, symbols: int, tls: str) -> None:
    context, authority = None, ""
    if tls:
        files = ensure_tls(Path(tls))
        context, authority = files.server_context(), str(files.ca)
    exchange = Exchange(streams=streams, rate=rate, symbols=symbols)
    server = await asyncio.start_server(exchange.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    job = asyncio.create_task(exchange.feed())
    loop = asyncio.get_running_loop()
    tell({"port": port, "ca": authority})
    # Each line asks how much was sent; the last, empty one ends the server.
    while await loop.run_in_executor(None, hear):
        tell({"sent": exchange.sent, "streams": exchange.streams})
    job.cancel()
    server.close()


def main(*, streams: int, rate: int = 0, symbols: int = 0, tls: str = "") -> None:
    """Serve until standard input ends.

    Sends from when ``streams`` streams are subscribed: ``rate`` frames a second, or
    as fast as they are taken when it is 0. ``tls`` is a folder for certificates.
    """
    uvloop.run(_run(streams=streams, rate=rate, symbols=symbols, tls=tls))
