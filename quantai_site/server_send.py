"""Lets the live socket send past the session middleware."""

from collections.abc import Awaitable, Callable
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]


class KeepServerSend:
    """Keeps the server's own ``send`` in the scope.

    The session middleware wraps ``send`` to save cookies with a handshake; it would
    look at the session again for every one of thousands of messages a second.
    """

    def __init__(self, inner: Application) -> None:
        self._inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on with ``scope["server_send"]``."""
        await self._inner({**scope, "server_send": send}, receive, send)
