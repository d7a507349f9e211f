"""What went wrong with a connection, decided from the exception itself.

Sources: exception shapes measured per client library (websockets, aiohttp, picows);
the exchange's handshake statuses (429, 418, 403, 451, 503).

ConnectionFailure
├── StreamEnded        the stream ended although nobody asked for it
├── PongMissing        our ping was not answered in time
├── StreamsSilent      the socket is open but its streams carry nothing
├── ListenKeyLost      the key of a private stream is dead: the socket is mute
├── HandshakeRefused   an HTTP status instead of 101 (451 is fatal)
└── ReconnectAsked     the operator asked for a new connection
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterator
from enum import StrEnum

from market.binance.rest_errors import RestError, RestRestricted


class ConnectionFailure(Exception):
    """Base of the failures this client raises itself."""


class StreamEnded(ConnectionFailure):
    """The peer ended the stream; ``code`` is the close code or 1006."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed by the exchange with {code} {reason}".rstrip())
        self.code = code


class PongMissing(ConnectionFailure):
    """Our ping was not answered in time."""


class StreamsSilent(ConnectionFailure):
    """The socket is open but its streams carry nothing."""


class ListenKeyLost(ConnectionFailure):
    """The key of a private stream is dead; the socket stays open and mute."""


class ReconnectAsked(ConnectionFailure):
    """The operator asked for a new connection."""


class HandshakeRefused(ConnectionFailure):
    """The exchange answered the handshake with an HTTP status."""

    def __init__(
        self, status: int, body: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(f"handshake refused with HTTP {status} {body[:200]}".rstrip())
        self.status = status
        self.retry_after = retry_after
        self.body = body

    @property
    def fatal(self) -> bool:
        """True for 451: retrying from a restricted location never helps."""
        return self.status == 451


class WebSocketErrorType(StrEnum):
    """The classes the operator sees."""

    SSL = "SSL"
    NETWORK = "NETWORK"
    TIMEOUT = "TIMEOUT"
    PROTOCOL = "PROTOCOL"
    UNKNOWN = "UNKNOWN"


_TIMEOUT_ERRNOS = {errno.ETIMEDOUT}
_TLS_WORDS = ("BAD_RECORD_MAC", "CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER")

ADVICE = {
    WebSocketErrorType.SSL: (
        "TLS failed. One damaged record is routine: the session is replaced. If it "
        "comes back, look for a proxy that opens TLS, a wrong clock or a wrong CA file."
    ),
    WebSocketErrorType.NETWORK: (
        "The network path broke. If several connections fail at the same minute, look "
        "at the router, the provider or DNS."
    ),
    WebSocketErrorType.TIMEOUT: (
        "No answer in time. Check latency and packet loss; a full CPU on this machine "
        "looks the same."
    ),
    WebSocketErrorType.PROTOCOL: (
        "The exchange refused or closed the connection. Check the status or close code "
        "above: 1008 and 429 mean too many requests, 403 a firewall, 451 a restricted "
        "location."
    ),
    WebSocketErrorType.UNKNOWN: "Not seen before: please keep the traceback.",
}


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what caused it, outermost first, each once."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        following = current.__cause__ or current.__context__
        if following is not None:
            waiting.append(following)


def classify_error(error: BaseException) -> WebSocketErrorType:
    """Return the class of ``error``, judged by its cause before its wrapper."""
    kinds = [_classify_one(item) for item in chain(error)]
    for wanted in (
        WebSocketErrorType.SSL,
        WebSocketErrorType.TIMEOUT,
        WebSocketErrorType.NETWORK,
        WebSocketErrorType.PROTOCOL,
    ):
        if wanted in kinds:
            return wanted
    return WebSocketErrorType.UNKNOWN


def _classify_one(error: BaseException) -> WebSocketErrorType:
    if _is_tls(error):
        return WebSocketErrorType.SSL
    if _is_timeout(error):
        return WebSocketErrorType.TIMEOUT
    if _is_network(error):
        return WebSocketErrorType.NETWORK
    if isinstance(error, (ConnectionFailure, RestError)) or _is_protocol_by_name(error):
        return WebSocketErrorType.PROTOCOL
    return WebSocketErrorType.UNKNOWN


def _is_tls(error: BaseException) -> bool:
    # An EOF inside TLS is a broken path, not a broken record.
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return False
    if isinstance(error, ssl.SSLError):
        return True
    return isinstance(error, OSError) and any(word in str(error) for word in _TLS_WORDS)


def _is_timeout(error: BaseException) -> bool:
    if isinstance(
        error, (TimeoutError, asyncio.TimeoutError, PongMissing, StreamsSilent)
    ):
        return True
    if isinstance(error, OSError) and error.errno in _TIMEOUT_ERRNOS:
        return True
    return "keepalive ping timeout" in str(error)


def _is_network(error: BaseException) -> bool:
    if isinstance(error, (ReconnectAsked, HandshakeRefused)):
        return False
    if isinstance(error, StreamEnded):
        return error.code == 1006
    if isinstance(error, RestError):
        return error.status == 0
    return isinstance(error, (OSError, EOFError, socket.gaierror))


def _is_protocol_by_name(error: BaseException) -> bool:
    """Recognise protocol errors of client libraries without importing them."""
    modules = ("websockets.", "picows", "aiohttp.")
    return type(error).__module__.startswith(modules)


def fatal(error: BaseException) -> bool:
    """Return True when no retry can ever help (HTTP 451)."""
    return any(
        (isinstance(item, HandshakeRefused) and item.fatal)
        or isinstance(item, RestRestricted)
        for item in chain(error)
    )


def retry_after(error: BaseException) -> float | None:
    """Return the seconds the exchange asked us to wait, if it did."""
    for item in chain(error):
        if isinstance(item, (HandshakeRefused, RestError)) and item.retry_after:
            return item.retry_after
    return None
