"""Cuts on request: how one or all connections of a running simulator are ended."""

import asyncio
import os
import socket
import struct

from market.simulator.hub import Connection

RST, FIN = "rst", "fin"
_LINGER_ZERO = struct.pack("ii", 1, 0)


def cut(connection: Connection, kind: str | int) -> None:
    """End the connection: ``rst``, ``fin`` (no close frame), or a close code."""
    if isinstance(kind, int):
        connection.end(kind, "")
    elif kind == RST:
        _reset(connection.transport)
    elif kind == FIN:
        _finish(connection.transport)
    else:
        raise ValueError(f"cut {kind!r}: expected rst, fin or a close code")


def _reset(transport: asyncio.Transport) -> None:
    """TCP RST: closing with a linger of zero throws away what was not sent."""
    with _own_handle(transport) as handle:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()


def _finish(transport: asyncio.Transport) -> None:
    """TCP FIN in the middle of the TLS session, with neither close frame nor alert."""
    with _own_handle(transport) as handle:
        handle.shutdown(socket.SHUT_WR)
    transport.abort()


def _own_handle(transport: asyncio.Transport) -> socket.socket:
    """A second handle on the transport's socket (the loop's own cannot be set)."""
    return socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
