"""Waiting for a condition instead of for a time."""

import asyncio

# What is late fails at once where it matters; this only ends what never comes.
PATIENCE = 30.0


async def until(condition, seconds=PATIENCE):
    """Return when ``condition()`` is true; fail when it is not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing tells of every change
            await asyncio.sleep(0.01)


async def eventually(ask, accept, seconds=PATIENCE):
    """Await ``ask()`` again and again; return the first answer that is accepted."""
    async with asyncio.timeout(seconds):
        while not accept(answer := await ask()):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
    return answer
