"""Sudden ends of a TCP connection."""

import asyncio
import os
import socket
import struct

_LINGER_ZERO = struct.pack("ii", 1, 0)


def reset(transport: asyncio.Transport) -> None:
    """TCP RST: closing with a linger of zero throws away what was not sent."""
    if transport.is_closing():
        return
    with _own_handle(transport) as handle:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()


def finish(transport: asyncio.Transport) -> None:
    """TCP FIN with neither close frame nor TLS alert before it."""
    if transport.is_closing():
        return
    with _own_handle(transport) as handle:
        handle.shutdown(socket.SHUT_WR)
    transport.abort()


def _own_handle(transport: asyncio.Transport) -> socket.socket:
    """A second handle on the transport's socket (the loop's own cannot be set)."""
    return socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
