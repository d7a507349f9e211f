"""The TCP stage in front of TLS: every byte of the secure port passes here, encrypted.

So a record can be damaged on its way, a connection reset or left unanswered before its
handshake, and another certificate shown, while the exchange behind it knows nothing.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from enum import StrEnum
from typing import cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from market.simulator.cuts import reset
from market.simulator.records import Records

logger = logging.getLogger(__name__)

_GOODBYE_SECONDS = 5.0
# What a server that ends at TLS 1.1 answers a newer client: fatal, protocol_version.
_TOO_NEW = bytes.fromhex("15030100020246")
_LOOPBACK = "127.0.0.1"


class Welcome(StrEnum):
    """What becomes of a new TCP connection."""

    SERVE = "serve"
    RESET = "reset"
    HANG = "hang"
    OLD_TLS = "old_tls"


Receive = Callable[[], tuple[Welcome, ssl.SSLContext]]


class Stage:
    """Accepts TCP connections and joins each with a TLS server of its own.

    ``receive`` decides about each new connection.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.receive: Receive = lambda: (Welcome.SERVE, context)
        self.arrivals = 0
        self.links: set[Link] = set()
        self._by_handler: dict[object, Link] = {}
        self._server: web.Server | None = None
        self._listening: asyncio.Server | None = None

    async def listen(self, listener: socket.socket, server: web.Server) -> None:
        self._server = server
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(lambda: Link(self), sock=listener)

    def stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.close()

    async def close(self) -> None:
        """End every connection, in the middle of its handshake too."""
        links = list(self.links)
        for link in links:
            link.outer.abort()
        joining = [link.joining for link in links if link.joining is not None]
        for task in joining:
            task.cancel()
        await asyncio.gather(*joining, return_exceptions=True)

    def link(self, request: web.BaseRequest) -> "Link | None":
        """The link that a request came over; None on the plain port."""
        return self._by_handler.get(request.protocol)

    def address(self, request: web.BaseRequest) -> str:
        link = self.link(request)
        return link.address if link else request.remote or ""

    def serve(self, link: "Link") -> RequestHandler:
        """A new TLS server's protocol."""
        if self._server is None:
            raise RuntimeError("a connection before listening")
        handler = link.handler = self._server()
        self._by_handler[handler] = link
        return handler

    def forget(self, link: "Link") -> None:
        self.links.discard(link)
        if link.handler is not None:
            self._by_handler.pop(link.handler, None)


class Link(asyncio.Protocol):
    """One connection: ``outer`` to the client, ``inner`` to the TLS server."""

    outer: asyncio.Transport

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._inner: asyncio.Transport | None = None
        self.joining: asyncio.Task[None] | None = None
        # uvloop cannot be kept from reading before the way to the server is open.
        self._early = b""
        self._welcome = Welcome.SERVE
        self.address = _LOOPBACK
        self.handler: RequestHandler | None = None
        self.records = Records()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.outer = cast(asyncio.Transport, transport)
        self.address = self.outer.get_extra_info("peername")[0]
        self._stage.links.add(self)
        self._stage.arrivals += 1
        self._welcome, context = self._stage.receive()
        if self._welcome is Welcome.RESET:
            # Not at once: uvloop dies of a transport that is gone before it reads.
            asyncio.get_running_loop().call_soon(reset, self.outer)
        elif self._welcome is Welcome.SERVE:
            self.joining = asyncio.create_task(self._join(context), name="tls")

    async def _join(self, context: ssl.SSLContext) -> None:
        """Open the way to a TLS server; returns when the handshake is over."""
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        try:
            await loop.create_unix_connection(lambda: _Inner(self), sock=near)
            await loop.connect_accepted_socket(
                lambda: self._stage.serve(self), far, ssl=context
            )
        except (OSError, TimeoutError) as error:
            logger.debug("TLS handshake failed: %s", error)

    def joined(self, inner: asyncio.Transport) -> None:
        self._inner = inner
        if self.outer.is_closing():
            inner.abort()
        else:
            inner.write(self._early)

    def to_client(self, data: bytes) -> None:
        if not self.outer.is_closing():
            self.outer.write(self.records.pass_on(data))

    def server_ended(self) -> None:
        """Send what is left, then FIN; a reader that takes nothing is not waited for."""
        self.outer.close()
        if self.outer.get_write_buffer_size():
            asyncio.get_running_loop().call_later(_GOODBYE_SECONDS, self.outer.abort)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.write(data)
        elif self.joining is not None:
            self._early += data
        elif self._welcome is Welcome.OLD_TLS:
            self.outer.write(_TOO_NEW)
            self.outer.close()

    def eof_received(self) -> bool:
        if self._inner is not None and not self._inner.is_closing():
            self._inner.write_eof()
        return True

    def connection_lost(self, _: Exception | None) -> None:
        self._stage.forget(self)
        if self._inner is not None:
            self._inner.abort()

    def pause_writing(self) -> None:
        if self._inner is not None and not self._inner.is_closing():
            self._inner.pause_reading()

    def resume_writing(self) -> None:
        if self._inner is not None and not self._inner.is_closing():
            self._inner.resume_reading()


class _Inner(asyncio.Protocol):
    """The side of a link that faces the TLS server."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def data_received(self, data: bytes) -> None:
        self._link.to_client(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._link.joined(cast(asyncio.Transport, transport))

    def eof_received(self) -> None:
        self._link.server_ended()

    def connection_lost(self, _: Exception | None) -> None:
        self._link.server_ended()

    def pause_writing(self) -> None:
        if not self._link.outer.is_closing():
            self._link.outer.pause_reading()

    def resume_writing(self) -> None:
        if not self._link.outer.is_closing():
            self._link.outer.resume_reading()
