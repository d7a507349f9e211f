"""``run_trader``: send orders, hear of them and record them until told to stop."""

import asyncio
import contextlib
import signal
from typing import Any

import uvloop
from django.core.management.base import BaseCommand, CommandError

from accounts.keys import MasterKeyProblem, check_master_key
from accounts.trader_process import run
from core.loop import Loop


class Command(BaseCommand):
    """Runs the trader in the foreground; of several one trades, the others stand by."""

    help = "Trade: do what people and programs ask for, record what comes of it."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        try:
            check_master_key()
        except MasterKeyProblem as error:
            raise CommandError(str(error)) from None
        with contextlib.suppress(asyncio.CancelledError):
            uvloop.run(_run(), loop_factory=Loop)


async def _run() -> None:
    task = asyncio.create_task(run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await task
