"""The addresses of a host, tried side by side until one takes the connection.

A name may have an address whose packets vanish on the way (IPv6 without a route is the
usual one): dialled one after the other it would cost minutes before the next is tried.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection

# RFC 8305: so long the address before has for itself.
HEAD_START_SECONDS = 0.25
PORTS = {"ws": 80, "wss": 443}


async def connected(url: str) -> socket.socket:
    """Return a TCP connection to the host of ``url``; the caller bounds the time.

    Raises ``OSError`` when every address refused or the name is not known.
    """
    parts = urlsplit(url)
    addresses = await resolve(parts.hostname or "", parts.port or PORTS[parts.scheme])
    try:
        made = await start_connection(
            addresses, happy_eyeballs_delay=HEAD_START_SECONDS
        )
    except RuntimeError as error:  # uvloop has some of these in place of OSError
        raise ConnectionError(str(error)) from error
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def abandon(made: socket.socket) -> None:
    """End a connection that nobody will use, even if a library holds it by now."""
    with contextlib.suppress(OSError):  # it has ended already
        made.shutdown(socket.SHUT_RDWR)


async def resolve(host: str, port: int) -> Sequence[AddrInfoType]:
    """Return the addresses of a host; raises ``socket.gaierror``."""
    loop = asyncio.get_running_loop()
    return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
