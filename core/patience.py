"""Waiting for a database that is away or locked, where giving up would lose something."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError

log = logging.getLogger(__name__)

# The database is away or busy, and what was asked is not to blame.
TRANSIENT = (OperationalError, InterfaceError)
FIRST_SECONDS, LAST_SECONDS = 0.1, 5.0
Answer = TypeVar("Answer")


async def patient(
    question: Callable[..., Answer], *arguments: Any, **options: Any
) -> Answer:
    """Ask the database from an event loop until it answers; the question is repeated
    whole, so it must be one that can be.
    """
    pause = FIRST_SECONDS
    while True:
        try:
            found: Answer = await database_sync_to_async(question)(
                *arguments, **options
            )
        except TRANSIENT as error:
            log.warning("the database is asked again in %.1f s: %s", pause, error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_SECONDS)
        else:
            return found
