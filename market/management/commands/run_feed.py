"""``run_feed``: follow the exchange of this installation until told to stop."""

import asyncio
import contextlib
import gc
import signal
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from core.loop import Loop
from market.feed import Feed
from market.shares import FIRST, feed_name


class Command(BaseCommand):
    """Runs the feed in the foreground."""

    help = "Follow the exchange: sockets, candles, live state."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument(
            "--name",
            default=FIRST,
            type=feed_name,
            help="tells several feeds of one venue apart (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        # What is there now stays: without it a full collection takes 2 ms, not 34.
        gc.collect()
        gc.freeze()
        with contextlib.suppress(asyncio.CancelledError):
            uvloop.run(_run(options["name"]), loop_factory=Loop)


async def _run(name: str) -> None:
    quantai = settings.QUANTAI
    feed = Feed(
        venue=quantai.site.exchange, ws=quantai.ws, market=quantai.market, name=name
    )
    task = asyncio.create_task(feed.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await task
