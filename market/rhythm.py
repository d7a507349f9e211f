"""Jobs that are done again and again, whatever becomes of one time.

A job that fails for a reason that passes is said and tried again soon; one that fails
in a way nobody thought of is logged whole and ends nothing but itself.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from django.db import Error as DatabaseError

from core import redis as core_redis
from core.cancellation import checkpoint
from market.binance.rest import RestError

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.25
RETRY_SECONDS = 5.0

Job = Callable[[], Coroutine[Any, Any, None]]


async def every(seconds: float, job: Job, asked: asyncio.Event) -> None:
    """Do a job at once, then every ``seconds`` and whenever ``asked`` is set."""
    while True:
        asked.clear()
        done = await attempt(job)
        checkpoint()
        # What failed is tried again soon, however rarely it is done else.
        pause = seconds if done else min(seconds, RETRY_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await asked.wait()
        if not done:
            await asyncio.sleep(min(seconds, FIRST_RETRY_SECONDS))


async def attempt(job: Job) -> bool:
    """Do a job and return whether it went well."""
    try:
        await job()
    except (DatabaseError, RestError, *core_redis.UNAVAILABLE) as error:
        log.error("%s failed, trying again: %s", job.__name__, error)
        return False
    except Exception:  # the boundary of a job: a fault of one ends no socket
        log.exception("%s failed in a way nobody thought of", job.__name__)
        return False
    return True


def only_if(condition: Callable[[], bool], job: Job) -> Job:
    """Return the job, done only while ``condition`` holds."""

    @wraps(job)
    async def guarded() -> None:
        if condition():
            await job()

    return guarded
