import asyncio
import contextlib

import pytest

from core.cancellation import cancelled, checkpoint


async def swallow():
    """What ``asyncio.wait_for`` of Python 3.11 does when both meet."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(10)


async def test_a_swallowed_cancellation_still_ends_the_loop():
    async def loop():
        while True:
            await swallow()
            checkpoint()

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_timeout_that_was_handled_is_no_cancellation():
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)
    assert not cancelled()
    checkpoint()
