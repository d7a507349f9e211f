"""The reference edge: the ``websockets`` library on asyncio."""

import asyncio
import contextlib
import ssl
from functools import partial

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus

from market.binance import addresses, tls
from market.binance.config import WsSettings
from market.binance.failures import HandshakeRefused, StreamEnded
from market.binance.retry_after import parse_retry_after
from market.binance.sockets import Listener

OUTGOING_LIMIT = 64


class WebsocketsSocket:
    """One open connection of the ``websockets`` library."""

    def __init__(self, connection: ClientConnection, listener: Listener) -> None:
        self._connection = connection
        self._listener = listener
        self._readable = asyncio.Event()
        self._readable.set()
        self._outgoing: asyncio.Queue[str | bytes] = asyncio.Queue(OUTGOING_LIMIT)
        ssl_object = connection.transport.get_extra_info("ssl_object")
        self.tls = tls.describe(ssl_object)

    async def run(self) -> None:
        """Hand on messages until the connection ends; see ``Socket.run``."""
        writer = asyncio.create_task(self._write())
        try:
            while True:
                await self._readable.wait()
                message = await self._connection.recv(decode=False)
                self._listener.on_read()
                self._listener.on_message(message)
        except ConnectionClosedOK as error:
            code = error.rcvd.code if error.rcvd else 1006
            raise StreamEnded(code, error.rcvd.reason if error.rcvd else "") from error
        finally:
            writer.cancel()

    async def _write(self) -> None:
        # A closed connection is reported by the reader, with the cause.
        with contextlib.suppress(ConnectionClosed):
            while True:
                item = await self._outgoing.get()
                if isinstance(item, str):
                    await self._connection.send(item)
                else:
                    waiter = asyncio.ensure_future(await self._connection.ping(item))
                    waiter.add_done_callback(partial(self._answered, item))

    def _answered(self, payload: bytes, waiter: "asyncio.Future[float]") -> None:
        if not waiter.cancelled() and waiter.exception() is None:
            self._listener.on_pong(payload)

    def send(self, text: str) -> None:
        """Queue a text message."""
        self._queue(text)

    def ping(self, payload: bytes) -> None:
        """Queue a ping."""
        self._queue(payload)

    def _queue(self, item: str | bytes) -> None:
        try:
            self._outgoing.put_nowait(item)
        except asyncio.QueueFull as error:
            raise ConnectionError("outgoing messages are stuck") from error

    def pause(self) -> None:
        """Stop reading."""
        self._readable.clear()

    def resume(self) -> None:
        """Read again."""
        self._readable.set()

    async def close(self) -> None:
        """Close within the close timeout."""
        await self._connection.close()


async def dial(
    url: str, listener: Listener, config: WsSettings, context: ssl.SSLContext | None
) -> WebsocketsSocket:
    """Open a connection; raises ``HandshakeRefused``, ``OSError`` or ``TimeoutError``."""
    queue = max(16, config.read_limit_bytes // 1024)
    try:
        async with asyncio.timeout(config.ssl_timeout):
            connection = await connect(
                url,
                # The host of the URL is still what the certificate must name.
                sock=await addresses.connected(url),
                ssl=context,
                compression=None,
                ping_interval=None,
                open_timeout=None,
                close_timeout=config.close_timeout,
                max_size=config.max_message_bytes,
                max_queue=queue,
                write_limit=config.write_limit_bytes,
                proxy=None,
            )
    except InvalidStatus as error:
        response = error.response
        raise HandshakeRefused(
            response.status_code,
            bytes(response.body or b"").decode(errors="replace"),
            parse_retry_after(response.headers.get("Retry-After")),
        ) from error
    return WebsocketsSocket(connection, listener)
