"""The fast edge: ``picows`` (C frame parser), about a tenth of the client's CPU."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from socket import socket as Connected
from typing import Any

from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)
from picows.common import WSInvalidStatusError
from picows.url import WSParsedURL

from market.binance import addresses, tls
from market.binance.config import WsSettings
from market.binance.failures import HandshakeRefused, StreamEnded
from market.binance.retry_after import parse_retry_after
from market.binance.sockets import Listener

ABNORMAL = 1006
Factory = Callable[[WSParsedURL], Awaitable[Connected]]


class _CauseKeeper(asyncio.BufferedProtocol):
    """Stands between transport and picows to keep why the connection was lost.

    picows drops the error given to ``connection_lost``; without it a damaged TLS
    record would look like any other lost connection.
    """

    def __init__(self, inner: Any, socket: "PicowsSocket") -> None:
        self._inner = inner
        self._socket = socket
        self._on_read = socket.on_read
        self._buffer_updated = inner.buffer_updated

    def get_buffer(self, sizehint: int) -> Any:
        return self._inner.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        self._on_read()
        self._buffer_updated(nbytes)

    def eof_received(self) -> Any:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._socket.cause = exc
        self._inner.connection_lost(exc)


class PicowsSocket(WSListener):
    """One open connection of ``picows``."""

    def __init__(self, listener: Listener, config: WsSettings) -> None:
        super().__init__()
        self._listener = listener
        self._config = config
        self._parts: list[bytes] = []
        self._transport: WSTransport | None = None
        self._on_message = listener.on_message
        self.on_read = listener.on_read
        self.cause: Exception | None = None
        self.tls: dict[str, str] | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        self.on_read()  # what came with the handshake's answer is read next
        under = transport.underlying_transport
        self.tls = tls.describe(under.get_extra_info("ssl_object"))
        under.set_protocol(_CauseKeeper(under.get_protocol(), self))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Hand on a message; control frames are rare, so they are asked for last."""
        if transport.is_close_frame_sent:
            # After a broken or oversized frame the parser goes on for some
            # milliseconds: what it finds then is no message.
            return
        if frame.msg_type is WSMsgType.TEXT and frame.fin:
            self._on_message(frame.get_payload_as_bytes())
        elif frame.msg_type is WSMsgType.PONG:
            self._listener.on_pong(frame.get_payload_as_bytes())
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        else:
            self._part(frame)

    def _part(self, frame: WSFrame) -> None:
        """Collect the parts of a message that came in several frames."""
        self._parts.append(frame.get_payload_as_bytes())
        if sum(map(len, self._parts)) > self._config.max_message_bytes:
            raise ValueError("message is larger than WS_MAX_MESSAGE_BYTES")
        if frame.fin:
            whole = b"".join(self._parts)
            self._parts.clear()
            self._on_message(whole)

    async def run(self) -> None:
        """Wait for the end and say why it came; see ``Socket.run``."""
        transport = self._open()
        await transport.wait_disconnected()
        # None until a close frame was seen, whatever the library's stub says.
        handshake: Any = transport.close_handshake
        received = handshake.recv if handshake is not None else None
        if received is not None:
            raise StreamEnded(int(received.code.value), received.reason)
        raise StreamEnded(ABNORMAL, "without a close frame") from (
            self.cause or EOFError("unexpected end of stream")
        )

    def send(self, text: str) -> None:
        """Send a text message."""
        transport = self._open()
        if transport.underlying_transport.get_write_buffer_size() > (
            self._config.write_limit_bytes
        ):
            raise ConnectionError("outgoing messages are stuck")
        transport.send(WSMsgType.TEXT, text.encode())

    def ping(self, payload: bytes) -> None:
        """Send a ping."""
        self._open().send_ping(payload)

    def pause(self) -> None:
        """Stop reading."""
        self._open().underlying_transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self._open().underlying_transport.resume_reading()

    async def close(self) -> None:
        """Close within the close timeout."""
        transport = self._open()
        if transport.is_disconnected:
            return
        transport.send_close()
        transport.disconnect()
        try:
            async with asyncio.timeout(self._config.close_timeout):
                await transport.wait_disconnected()
        except TimeoutError:
            transport.disconnect(graceful=False)

    def _open(self) -> WSTransport:
        if self._transport is None:
            raise ConnectionError("the connection is not open")
        return self._transport


async def dial(
    url: str, listener: Listener, config: WsSettings, context: ssl.SSLContext | None
) -> PicowsSocket:
    """Open a connection; raises ``HandshakeRefused``, ``OSError`` or ``TimeoutError``."""
    async with _dialled(url) as factory:
        return await _handshake(url, listener, config, context, factory)


@asynccontextmanager
async def _dialled(url: str) -> AsyncIterator[Factory]:
    """Give picows its connection, and end it should the dial be given up.

    picows leaves it open then, and would go on with the handshake behind our back.
    """
    made: list[Connected] = []

    async def factory(_: WSParsedURL) -> Connected:
        made.append(await addresses.connected(url))
        return made[-1]

    try:
        yield factory
    except (asyncio.CancelledError, TimeoutError):
        for each in made:
            addresses.abandon(each)
        raise


async def _handshake(
    url: str,
    listener: Listener,
    config: WsSettings,
    context: ssl.SSLContext | None,
    factory: Factory,
) -> PicowsSocket:
    try:
        async with asyncio.timeout(config.ssl_timeout):
            _, socket = await ws_connect(
                lambda: PicowsSocket(listener, config),
                url,
                ssl_context=context,
                websocket_handshake_timeout=config.ssl_timeout,
                max_frame_size=config.max_message_bytes,
                max_redirects=0,
                # Who pings and who gives up is decided above, where a standstill of
                # our own is known.
                enable_auto_ping=False,
                # The host of the URL is still what the certificate must name.
                socket_factory=factory,
            )
    except WSInvalidStatusError as error:
        response = error.response
        if response is None:
            raise
        raise HandshakeRefused(
            int(response.status),
            bytes(error.raw_body or b"").decode(errors="replace"),
            parse_retry_after(response.headers.get("Retry-After")),
        ) from error
    assert isinstance(socket, PicowsSocket)
    return socket
