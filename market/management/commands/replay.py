"""``./quantai manage replay FILE``: a recorded capture through the live path."""

import argparse
import contextlib
import gzip
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from core.errors import QuantaiError
from market import services
from market.captures import Frame
from market.replay import Replay, merged_frames
from market.replay_pages import ReplayPages

PROGRESS_SECONDS = 2.0
STORED_VENUE = "replay"
_UNREADABLE = (OSError, EOFError, gzip.BadGzipFile)


class Command(BaseCommand):
    """Replays captures and prints what they hold."""

    help = (
        "Push recorded exchange frames through decoding and state, and print counts "
        "by type, decode errors and continuity breaks. Several files are merged by "
        "their recorded times."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--speed",
            type=_speed,
            default=None,
            metavar="N|max",
            help="N times the recorded speed, or max (default): as fast as possible",
        )
        parser.add_argument(
            "--store",
            action="store_true",
            help=f"store the closed candles, under the venue name {STORED_VENUE!r}",
        )
        parser.add_argument(
            "--browser",
            action="store_true",
            help="show the replay on the pages, while no feed is running",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay until the end or until Ctrl-C, then print the report."""
        replay = Replay()
        began = time.monotonic()
        try:
            self._run(replay, options)
        except KeyboardInterrupt:
            self.stderr.write("stopped; what was done so far:")
        except _UNREADABLE as error:
            self._print(replay, began)
            raise CommandError(f"the capture cannot be read: {error}") from error
        except DatabaseError as error:
            raise CommandError(f"the candles cannot be stored: {error}") from error
        except QuantaiError as error:
            raise CommandError(str(error)) from error
        self._print(replay, began)

    def _run(self, replay: Replay, options: dict[str, Any]) -> None:
        quantai = settings.QUANTAI
        store = services.CandleStore(STORED_VENUE) if options["store"] else None
        pace = _Pace(options["speed"])
        shown = time.monotonic()
        with contextlib.ExitStack() as stack:
            pages = None
            if options["browser"]:
                pages = stack.enter_context(
                    ReplayPages(
                        replay,
                        venue=quantai.site.exchange,
                        push_hz=quantai.market.push_hz,
                    )
                )
            if store is not None:
                stack.callback(self._store, replay, store)
            for frame in merged_frames(options["files"]):
                pace.wait_for(frame)
                replay.push(frame)
                if pages is not None:
                    pages.tick()
                if time.monotonic() - shown > PROGRESS_SECONDS:
                    shown = time.monotonic()
                    self.stderr.write(f"{replay.frames:,} frames …")
                    if store is not None:
                        self._store(replay, store)

    def _store(self, replay: Replay, store: services.CandleStore) -> None:
        count = store.store(replay.state.drain_closed())
        if count:
            self.stdout.write(f"stored          {count:,} candles as {STORED_VENUE!r}")

    def _print(self, replay: Replay, began: float) -> None:
        for line in replay.report(time.monotonic() - began).lines():
            self.stdout.write(line)


class _Pace:
    """Waits until a frame is due; without a speed nothing is ever waited for."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._first_ms: int | None = None
        self._began = time.monotonic()

    def wait_for(self, frame: Frame) -> None:
        if self._speed is None or not frame.received_ms:
            return
        if self._first_ms is None:
            self._first_ms = frame.received_ms
        due = (frame.received_ms - self._first_ms) / 1000 / self._speed
        delay = due - (time.monotonic() - self._began)
        if delay > 0:
            time.sleep(delay)


def _speed(text: str) -> float | None:
    """Return the factor, None for max; raises argparse's error for nonsense."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise argparse.ArgumentTypeError(
            f"--speed must be a number above 0 or max, not {text!r}"
        )
    return speed
