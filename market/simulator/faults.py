"""Cuts on request: how one or all connections of a running simulator are ended."""

from market.simulator.cuts import finish, reset
from market.simulator.hub import Connection

RST, FIN = "rst", "fin"


def cut(connection: Connection, kind: str | int) -> None:
    """End the connection: ``rst``, ``fin`` (no close frame), or a close code."""
    if isinstance(kind, int):
        connection.end(kind, "")
    elif kind == RST:
        reset(connection.raw)
    elif kind == FIN:
        finish(connection.raw)
    else:
        raise ValueError(f"cut {kind!r}: expected rst, fin or a close code")
