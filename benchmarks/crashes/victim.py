"""The trader that is to crash: it listens to its standard input for how."""

import asyncio
import faulthandler
import os
import resource
import threading
from typing import Any

import django
import uvloop

from benchmarks.child import hear
from core.loop import Loop

UNLIMITED = resource.RLIM_INFINITY
_loops: list[asyncio.AbstractEventLoop] = []


def main(**_: Any) -> None:
    """Trade until killed; lines: ``arm POINT TIMES``, ``full``, ``room``, ``tasks``."""
    django.setup()
    from accounts.trader_process import run

    threading.Thread(target=_listen, daemon=True).start()

    async def trade() -> None:
        _loops.append(asyncio.get_running_loop())
        await run()

    uvloop.run(trade(), loop_factory=Loop)


def _show_tasks() -> None:
    """Print where everything stands: for somebody who looks at what hangs."""
    for task in asyncio.all_tasks():
        task.print_stack()
    faulthandler.dump_traceback()


def _listen() -> None:
    from accounts import crash_points

    while line := hear():
        word, *rest = line.split()
        if word == "arm":
            crash_points.arm(rest[0], int(rest[1]))
        elif word == "full":
            # No file may grow, nor be written beyond its first byte.
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, UNLIMITED))
        elif word == "room":
            resource.setrlimit(resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))
        elif word == "tasks":
            _loops[0].call_soon_threadsafe(_show_tasks)
    # The bench is gone.
    os._exit(1)
