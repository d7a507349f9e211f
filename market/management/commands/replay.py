"""``./quantai manage replay FILE``: a recorded capture through the live path."""

import argparse
import gzip
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from market.captures import Frame
from market.replay import Replay, merged_frames

PROGRESS_SECONDS = 2.0


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

    def handle(self, *args: Any, **options: Any) -> None:
        replay = Replay()
        pace = _Pace(options["speed"])
        began = shown = time.monotonic()
        try:
            for frame in merged_frames(options["files"]):
                pace.wait_for(frame)
                replay.push(frame)
                if time.monotonic() - shown > PROGRESS_SECONDS:
                    shown = time.monotonic()
                    report = replay.report(shown - began)
                    self.stderr.write(f"{report.frames:,} frames …")
        except KeyboardInterrupt:
            self.stderr.write("stopped; what was done so far:")
        except (OSError, EOFError, gzip.BadGzipFile) as error:
            self._print(replay, began)
            raise CommandError(f"the capture cannot be read: {error}") from error
        self._print(replay, began)

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
