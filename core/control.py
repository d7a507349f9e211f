"""Wakes workers; the only user of the channel layer.

The order itself is a database row. The message says no more than "look", so a lost
one costs a few seconds, never an order.
"""

import contextlib
from typing import Any

from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer


def _channel(worker: str) -> str:
    return f"quantai-{worker}"


async def wake(worker: str, reason: str) -> None:
    """Wake ``worker`` (for example ``feed-simulator``); raises when Redis is away."""
    layer = get_channel_layer()
    # Wake-ups that already wait serve as well as one more.
    with contextlib.suppress(ChannelFull):
        await layer.send(_channel(worker), {"type": "wake", "reason": reason})


def wake_sync(worker: str, reason: str) -> None:
    """Wake from synchronous code."""
    async_to_sync(wake)(worker, reason)


async def receive(worker: str) -> dict[str, Any]:
    """Wait for the next wake-up of ``worker``; raises when Redis is away."""
    message: dict[str, Any] = await get_channel_layer().receive(_channel(worker))
    return message
