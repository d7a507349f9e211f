"""What a websocket edge must offer; two exist behind this one protocol.

An edge opens one connection and hands every message to a listener. It answers the
server's pings with their payload itself. It takes no decision: when to ping, what to
subscribe and when to give up is decided by the session above it.
"""

import ssl
from collections.abc import Awaitable, Callable
from typing import Protocol

from market.binance.config import WsSettings


class Listener(Protocol):
    """Who hears the socket; called inside the event loop, must not block."""

    def on_read(self) -> None:
        """Bytes arrived; the messages in them follow at once."""

    def on_message(self, raw: bytes) -> None:
        """One whole message."""

    def on_pong(self, payload: bytes) -> None:
        """The answer to a ping of ours."""


class Socket(Protocol):
    """One open connection."""

    tls: dict[str, str] | None

    async def run(self) -> None:
        """Hand on messages until the connection ends.

        Always raises: ``StreamEnded``, or the error that broke the connection with
        its cause; only ``asyncio.CancelledError`` means that we asked for it.
        """

    def send(self, text: str) -> None:
        """Queue a text message; raises ``ConnectionError`` when too many wait."""

    def ping(self, payload: bytes) -> None:
        """Queue a ping."""

    def pause(self) -> None:
        """Stop reading: the exchange's data waits in the network."""

    def resume(self) -> None:
        """Read again."""

    async def close(self) -> None:
        """Close within the close timeout."""


Dialer = Callable[[str, Listener, WsSettings, ssl.SSLContext | None], Awaitable[Socket]]


def dialer(transport: str) -> Dialer:
    """Return the edge called ``transport``: ``websockets`` or ``picows``."""
    if transport == "picows":
        from market.binance.socket_picows import dial as dial_picows

        return dial_picows
    from market.binance.socket_websockets import dial as dial_websockets

    return dial_websockets
