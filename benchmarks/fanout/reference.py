"""The reference: ``websockets.broadcast`` of the same messages from the same Redis."""

import asyncio
from typing import Any

import django
import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from benchmarks.child import hear, tell


def main() -> None:
    """Serve until standard input ends."""
    django.setup()
    uvloop.run(_run())


async def _run() -> None:
    from core import push
    from core import redis as core_redis

    clients: set[ServerConnection] = set()

    async def accept(connection: ServerConnection) -> None:
        clients.add(connection)
        try:
            await connection.wait_closed()
        finally:
            clients.discard(connection)

    async def hand_on(subscription: Any) -> None:
        while True:
            message = await subscription.get_message(
                ignore_subscribe_messages=True, timeout=10.0
            )
            if message is not None:
                items = push.parse(message["data"]).items
                broadcast(clients, b",".join(item for _, item in items).decode())

    redis = core_redis.client()
    async with (
        serve(accept, "127.0.0.1", 0, compression=None, ping_interval=None) as server,
        redis.pubsub() as subscription,
    ):
        await subscription.subscribe(push.CHANNEL)
        job = asyncio.create_task(hand_on(subscription))
        tell({"port": server.sockets[0].getsockname()[1]})
        await asyncio.get_running_loop().run_in_executor(None, hear)
        job.cancel()
    await redis.aclose()
