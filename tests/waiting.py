"""Waiting for a condition instead of for a time."""

import asyncio


async def until(condition, seconds=10.0):
    """Return when ``condition()`` is true; fail when it is not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing tells of every change
            await asyncio.sleep(0.01)
