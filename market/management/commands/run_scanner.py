"""``run_scanner``: scan the followed symbols until told to stop."""

import asyncio
import contextlib
import signal
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand

from core.loop import Loop
from market.outcomes import settle
from market.scanner_process import ScannerProcess
from market.scanning import Scanner
from market.technical import technical_engine


class Command(BaseCommand):
    """Runs the scanner in the foreground; of several one scans, the others stand by."""

    help = "Scan for signals: at every close of a bar and when somebody asks."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        with contextlib.suppress(asyncio.CancelledError):
            uvloop.run(_run(), loop_factory=Loop)


async def _run() -> None:
    quantai = settings.QUANTAI
    venue = quantai.site.exchange

    def make() -> Scanner:
        return Scanner(
            venue,
            market=quantai.market,
            scan=quantai.scan,
            engine=technical_engine(),
            settle=settle,
            catch_up=True,
        )

    task = asyncio.create_task(ScannerProcess(venue, make).run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await task
