"""Cancellations that a library swallowed.

Python 3.11's ``asyncio.wait_for`` returns its result when a cancellation meets it, and
redis-py waits with it for every command. A loop around such calls would go on for
ever although somebody waits for its end, so it asks here.
"""

import asyncio


def asked() -> int:
    """Return how often this task was asked to end."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def cancelled() -> bool:
    """Return True when this task was cancelled although nothing was raised."""
    return asked() > 0


def checkpoint(since: int = 0) -> None:
    """Raise ``asyncio.CancelledError`` when this task was cancelled.

    Python 3.11 still counts the end that a ``TaskGroup`` asked for when a child failed;
    who goes on after one gives what ``asked`` told before.
    """
    if asked() > since:
        raise asyncio.CancelledError
