"""Databases that are locked, disks that are full, a Redis that is gone, for a while."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 1.5
LOCK_TRIES = 200


@contextmanager
def circumstance(
    name: str,
    delay_seconds: float,
    *,
    database: Path,
    tell: Callable[[str], None],
    redis: Callable[[str], None],
) -> Iterator[None]:
    """Let it begin after the delay, while the block runs; it is over at the end.

    ``tell`` speaks to the victim, ``redis`` ends or starts the server.
    """
    begin, end = {
        "normal": (_nothing, _nothing),
        "database locked": _lock(database),
        "disk full": (lambda: tell("full"), lambda: tell("room")),
        "Redis gone": (lambda: redis("end"), lambda: redis("start")),
    }[name]

    def lasts() -> None:
        time.sleep(delay_seconds)
        begin()
        time.sleep(SECONDS)

    thread = threading.Thread(target=lasts)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        # Here: what a thread starts ends with that thread.
        end()


def _nothing() -> None:
    """Nothing is wrong."""


def _lock(database: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    held: list[sqlite3.Connection] = []

    def begin() -> None:
        connection = sqlite3.connect(
            database, timeout=0, isolation_level=None, check_same_thread=False
        )
        for _ in range(LOCK_TRIES):
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                time.sleep(0.005)
            else:
                break
        held.append(connection)

    def end() -> None:
        for connection in held:
            connection.close()

    return begin, end
