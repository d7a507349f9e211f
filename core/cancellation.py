"""Cancellations that a library swallowed.

Python 3.11's ``asyncio.wait_for`` returns its result when a cancellation meets it, and
redis-py waits with it for every command. A loop around such calls would go on for
ever although somebody waits for its end, so it asks here.
"""

import asyncio


def cancelled() -> bool:
    """Return True when this task was cancelled although nothing was raised."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def checkpoint() -> None:
    """Raise ``asyncio.CancelledError`` when this task was cancelled."""
    if cancelled():
        raise asyncio.CancelledError
