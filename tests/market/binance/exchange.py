"""A small websocket server behind TLS and a TCP stage that can damage the stream."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import trustme
from websockets.asyncio.server import ServerConnection, serve

Handler = Callable[[ServerConnection], Awaitable[None]]


class Wire:
    """Copies bytes between client and server; ``hurt`` changes server → client."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.hurt: Callable[[bytes, asyncio.StreamWriter], bytes | None] | None = None
        self.black_hole = False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_connection("127.0.0.1", self.target_port)
        try:
            await asyncio.gather(
                self._copy(reader, back, None), self._copy(there, writer, writer)
            )
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self._tasks.discard(task)
            for end in (writer, back):
                end.transport.abort()

    async def _copy(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        client: asyncio.StreamWriter | None,
    ) -> None:
        while data := await source.read(65536):
            if self.black_hole:
                continue
            if client is not None and self.hurt is not None:
                changed = self.hurt(data, client)
                if changed is None:
                    raise ConnectionAbortedError
                data = changed
            target.write(data)
            await target.drain()
        target.close()


def flip_one_byte(data: bytes, _: asyncio.StreamWriter) -> bytes:
    damaged = bytearray(data)
    damaged[-3] ^= 0xFF
    return bytes(damaged)


def twice(data: bytes, _: asyncio.StreamWriter) -> bytes:
    return data + data


def reset(_: bytes, client: asyncio.StreamWriter) -> None:
    raw: socket.socket = client.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.transport.abort()


def half(data: bytes, client: asyncio.StreamWriter) -> None:
    client.write(data[: len(data) // 2])
    client.close()


@dataclass
class Exchange:
    """Address, damaging stage and certificate authority of one test server."""

    wire: Wire
    authority: trustme.CA
    context: ssl.SSLContext
    pings: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"wss://localhost:{self.wire.port}/market/stream"

    @property
    def stream(self) -> str:
        return f"wss://localhost:{self.wire.port}"


@contextlib.asynccontextmanager
async def exchange(handler: Handler, *, host: str = "localhost", **options: Any):
    authority = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(server_context)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    async with serve(
        handler,
        "127.0.0.1",
        0,
        ssl=server_context,
        compression=None,
        ping_interval=None,
        close_timeout=0.2,
        **options,
    ) as server:
        wire = Wire(next(iter(server.sockets)).getsockname()[1])
        await wire.start()
        try:
            yield Exchange(wire, authority, client_context)
        finally:
            await wire.stop()
            server.close(close_connections=True)
