"""The event loop of our processes: uvloop's, without closing a descriptor twice."""

import socket
from typing import Any

import uvloop


class Loop(uvloop.Loop):
    """Takes sockets over for good, as ``create_connection(sock=…)`` promises.

    When the peer resets a connection while its transport is being made, uvloop
    (0.23.0) closes the descriptor and leaves its number in the socket object, which
    closes it once more when it is collected. By then the number belongs to somebody
    else: to Redis, to the database, to a poll that libuv aborts the process for.
    """

    async def create_connection(
        self, *args: Any, sock: socket.socket | None = None, **options: Any
    ) -> Any:
        """See ``asyncio``; whatever comes of it, the caller no longer owns ``sock``."""
        if sock is None:
            return await super().create_connection(*args, **options)
        try:
            made = await super().create_connection(*args, sock=sock, **options)
        except BaseException as error:
            if not _wrong_call(error):
                sock.detach()
            raise
        if made[0].is_closing():  # type: ignore[attr-defined]
            sock.detach()
        return made


def _wrong_call(error: BaseException) -> bool:
    """Whether it was raised before anything was taken over.

    A bad certificate is a ``ValueError`` too, but also an ``OSError``.
    """
    return isinstance(error, ValueError | TypeError) and not isinstance(error, OSError)
