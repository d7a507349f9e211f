"""Many light browsers in one process: own frame splitter, acknowledgements, latency."""

import asyncio
import json
import re
import struct
import time
from collections.abc import Callable
from typing import Any, cast

import uvloop

from benchmarks.child import hear, tell

# Dials at a time: a thousand people do not press reload in the same millisecond.
DIALS = 32
OPEN_SECONDS = 60.0
SENT_AT = re.compile(rb'"(?:at|t)":(\d+)')
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Browser(asyncio.Protocol):
    """One socket: subscribes, counts data messages, acknowledges every fourth."""

    def __init__(
        self, request: bytes, topics: list[str], seen: Callable[[bytes], None]
    ) -> None:
        self._request = request
        self._topics = topics
        self._seen = seen
        self._buffer = bytearray()
        self._shaken = False
        self._received = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the handshake."""
        # uvloop's transports are no subclasses of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        """A browser that is thrown out ends the measurement."""
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"closed while opening: {exc}"))

    def data_received(self, data: bytes) -> None:
        """Cut frames out of what arrived."""
        buffer = self._buffer
        buffer += data
        if not self._shaken:
            head, found, rest = bytes(buffer).partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.ready.set_exception(ConnectionError(head.decode(errors="replace")))
                return
            self._shaken = True
            buffer[:] = rest
            self._opened()
        start = 0
        while (cut := _next_frame(buffer, start)) is not None:
            opcode, payload, start = cut
            if opcode == TEXT:
                self._message(payload)
            elif opcode == PING:
                self._send(PONG, payload)
            elif opcode == CLOSE and not self.ready.done():
                self.ready.set_exception(ConnectionError(f"closed: {payload!r}"))
        del buffer[:start]

    def _opened(self) -> None:
        if self._topics:
            wanted = {"type": "subscribe", "topics": self._topics}
            self._send(TEXT, json.dumps(wanted).encode())
        else:
            self.ready.set_result(None)

    def _message(self, payload: bytes) -> None:
        if not self._topics or payload.startswith(b'{"type":"data"'):
            self._seen(payload)
            self._received += 1
            if self._topics and self._received % 4 == 0:
                self._send(TEXT, b'{"type":"ack","n":%d}' % self._received)
        elif b'"subscribed"' in payload and not self.ready.done():
            self.ready.set_result(None)

    def _send(self, opcode: int, data: bytes) -> None:
        # A mask of zeros is a mask: the data stays as it is.
        head = bytes((0x80 | opcode, 0x80 | len(data)))
        self.transport.write(head + b"\0\0\0\0" + data)


def _next_frame(buffer: bytearray, start: int) -> tuple[int, bytes, int] | None:
    """Return opcode, payload and the end of the frame that begins at ``start``."""
    if len(buffer) < start + 2:
        return None
    opcode, length, body = buffer[start] & 0xF, buffer[start + 1], start + 2
    if length == 126:
        if len(buffer) < start + 4:
            return None
        (length,), body = struct.unpack_from(">H", buffer, body), body + 2
    elif length == 127:
        if len(buffer) < start + 10:
            return None
        (length,), body = struct.unpack_from(">Q", buffer, body), body + 8
    end = body + length
    if len(buffer) < end:
        return None
    return opcode, bytes(buffer[body:end]), end


class Tally:
    """Messages and latencies of all browsers, between ``begin`` and ``end``.

    ``every_item``: latency of each item in ms since the epoch (the exchange's time);
    otherwise of the message's first stamp in monotonic nanoseconds.
    """

    def __init__(self, *, every_item: bool) -> None:
        self._every_item = every_item
        self.begin()

    def begin(self) -> None:
        """Start to count."""
        self._latencies: list[float] = []
        self._messages = 0
        self._bytes = 0
        self._begun = time.perf_counter()

    def seen(self, payload: bytes) -> None:
        """Take one message."""
        self._messages += 1
        self._bytes += len(payload)
        if self._every_item:
            now = time.time_ns() / 1e6
            self._latencies += [now - int(found) for found in SENT_AT.findall(payload)]
        elif (match := SENT_AT.search(payload)) is not None:
            self._latencies.append((time.monotonic_ns() - int(match[1])) / 1e6)

    def report(self) -> dict[str, Any]:
        """Return what was counted since ``begin``."""
        ordered = sorted(self._latencies)
        return {
            "delivered": self._messages,
            "bytes": self._bytes,
            "seconds": time.perf_counter() - self._begun,
            "latencies": len(ordered),
            "p50_ms": _quantile(ordered, 0.50),
            "p99_ms": _quantile(ordered, 0.99),
        }


def _quantile(ordered: list[float], share: float) -> float | None:
    return ordered[int(share * (len(ordered) - 1))] if ordered else None


def main(
    *,
    port: int,
    cookies: list[str],
    topics: list[list[str]],
    every_item: bool = False,
) -> None:
    """Open a browser for each cookie; tell counts when asked, until input ends.

    ``topics`` are handed out in turn; without any the server just broadcasts.
    """
    uvloop.run(_run(port, cookies, topics, every_item=every_item))


async def _run(
    port: int, cookies: list[str], topics: list[list[str]], *, every_item: bool
) -> None:
    tally = Tally(every_item=every_item)
    loop = asyncio.get_running_loop()
    slots = asyncio.Semaphore(DIALS)

    async def open_one(number: int, cookie: str) -> Browser:
        request = _handshake(port, cookie)
        wanted = topics[number % len(topics)] if topics else []
        async with slots:
            _, browser = await loop.create_connection(
                lambda: Browser(request, wanted, tally.seen), "127.0.0.1", port
            )
            async with asyncio.timeout(OPEN_SECONDS):
                await browser.ready
        return browser

    before = time.perf_counter()
    browsers = await asyncio.gather(
        *(open_one(number, cookie) for number, cookie in enumerate(cookies))
    )
    tell({"open": len(browsers), "seconds": time.perf_counter() - before})
    while order := await loop.run_in_executor(None, hear):
        if order == "begin":
            tally.begin()
        report = tally.report()
        report["open"] = sum(not each.transport.is_closing() for each in browsers)
        tell(report)
    for browser in browsers:
        browser.transport.abort()


def _handshake(port: int, cookie: str) -> bytes:
    lines = [
        "GET /ws/live HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
        f"Origin: http://127.0.0.1:{port}",
        f"Cookie: {cookie}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
