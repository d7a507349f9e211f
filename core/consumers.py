"""The browser's live socket: settles permission, then only forwards text."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from autobahn.exception import Disconnected
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

from core import topics, wire
from core.clock import now_ms
from core.hub import Hub, Listener, hub

log = logging.getLogger(__name__)

WINDOW = 16
ACK_EVERY = 4
# What uvicorn answers who sends to a browser that is closing.
UVICORN_CLOSED = "after sending 'websocket.close'"
MAX_TOPICS = 64
MAX_MESSAGE_CHARS = 16_384
NOT_LOGGED_IN = 4401

Receive = Callable[[], Awaitable[dict[str, Any]]]


class ClientMessage(msgspec.Struct):
    """What a browser may say."""

    type: str
    topics: list[str] = []
    n: int = 0


class BrowserGone(OSError):
    """The browser closes or is closed; its disconnect follows."""


_decoder = msgspec.json.Decoder(ClientMessage)


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """``/ws/live``: subscribe, unsubscribe, ack, ping."""

    listener: Listener
    hub: Hub
    pump: "asyncio.Task[None] | None" = None

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        """Handle the events of one browser in turn, until it is gone.

        The base class makes tasks for every event and joins the channel layer, where
        each browser would wait for messages that never come. Without both a delivery
        costs a fifth less (docs/benchmarks.md).
        """
        self.scope = scope
        self.base_send = scope.get("server_send", send)
        with contextlib.suppress(StopConsumer):
            while True:
                event = await receive()
                with contextlib.suppress(BrowserGone):
                    await self.dispatch(event)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle one event without the base class's database clean-up.

        The base class hops to a thread to close old connections before every
        message; this consumer touches the database in ``connect`` only.
        """
        handler: Callable[[dict[str, Any]], Any] = getattr(
            self, message["type"].replace(".", "_")
        )
        await handler(message)

    async def connect(self) -> None:
        """Accept a logged-in browser."""
        user = self.scope["user"]
        await self.accept()
        if not user.is_authenticated:
            await self.close(code=NOT_LOGGED_IN)
            return
        self.permissions = await sync_to_async(user.get_all_permissions)()
        self.hub = hub()
        self.listener = Listener(self._send_text, WINDOW)
        self.pump = asyncio.create_task(self.listener.pump(self.hub.topics))
        await self._say(
            {
                "type": "hello",
                "server_time": now_ms(),
                "window": WINDOW,
                "ack_every": ACK_EVERY,
                "version": self.hub.run,
            }
        )

    async def disconnect(self, code: int) -> None:
        """Forget the browser."""
        if self.pump is None:
            return
        self.pump.cancel()
        for name in list(self.listener.positions):
            self.hub.unsubscribe(self.listener, name)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        """Answer one message; a bad one gets an error, never a closed socket."""
        if self.pump is None:
            return
        if text_data is None or len(text_data) > MAX_MESSAGE_CHARS:
            await self._refuse("bad_message", "text messages below 16 kB only")
            return
        try:
            message = _decoder.decode(text_data)
        except msgspec.MsgspecError as error:
            await self._refuse("bad_message", str(error))
            return
        if message.type == "ack":
            self.listener.acknowledge(message.n)
        elif message.type == "ping":
            await self._say({"type": "pong", "server_time": now_ms()})
        elif message.type == "subscribe":
            for name in message.topics:
                await self._subscribe(name)
        elif message.type == "unsubscribe":
            for name in message.topics:
                self.hub.unsubscribe(self.listener, name)
        else:
            await self._refuse("unknown_type", f"type {message.type!r} is not known")

    async def _subscribe(self, name: str) -> None:
        rule = topics.rule_for(name)
        if rule is None:
            await self._refuse("unknown_topic", f"no topic {name!r}", name)
        elif rule.permission is not None and rule.permission not in self.permissions:
            await self._refuse("forbidden", f"needs {rule.permission}", name)
        elif len(self.listener.positions) >= MAX_TOPICS:
            await self._refuse("too_many", f"at most {MAX_TOPICS} topics", name)
        else:
            topic = await self.hub.subscribe(self.listener, name)
            await self._say(
                {
                    "type": "subscribed",
                    "topic": name,
                    "epoch": topic.position,
                    "seq": topic.seq,
                }
            )

    async def _refuse(self, code: str, message: str, topic: str | None = None) -> None:
        await self._say(
            {"type": "error", "code": code, "message": message, "topic": topic}
        )

    async def _say(self, message: dict[str, Any]) -> None:
        await self._send_text(wire.encode(message).decode())

    async def _send_text(self, text: str) -> None:
        """Send; raises ``BrowserGone`` when the browser has begun to leave."""
        try:
            await self.base_send({"type": "websocket.send", "text": text})
        except (OSError, Disconnected) as error:
            raise BrowserGone(str(error)) from error
        except RuntimeError as error:
            if UVICORN_CLOSED not in str(error):
                raise
            raise BrowserGone(str(error)) from error
