"""``run_feed``: follow the exchange of this installation until told to stop."""

import asyncio
import contextlib
import signal
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand

from market.feed import Feed


class Command(BaseCommand):
    """Runs the feed in the foreground."""

    help = "Follow the exchange: sockets, candles, live state."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        with contextlib.suppress(asyncio.CancelledError):
            uvloop.run(_run())


async def _run() -> None:
    quantai = settings.QUANTAI
    feed = Feed(venue=quantai.site.exchange, ws=quantai.ws, market=quantai.market)
    task = asyncio.create_task(feed.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await task
