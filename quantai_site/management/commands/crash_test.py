"""``crash_test``: kill the trader at every point and compare everything afterwards."""

import importlib
import json
import signal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.benchmark import MeasurementError


class Command(BaseCommand):
    help = (
        "Kill the trader at named points and random moments, with the database locked, "
        "the disk full, Redis gone and with nothing wrong; compare journal, exchange and "
        "database after each. Exit status 1: they do not agree. See docs/trader.md."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--points", type=int, default=200, help="how many crashes")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--json", dest="file", type=Path, metavar="FILE", help="write all here"
        )

    def handle(
        self, *, points: int, seed: int, file: Path | None, **options: Any
    ) -> None:
        if points < 1:
            raise CommandError(f"--points {points}: must be at least 1")
        # Only in a checkout: a production installation has no benchmarks.
        crashes = importlib.import_module("benchmarks.crashes.crashes")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.default_int_handler)
        try:
            found = crashes.crash_test(points=points, seed=seed, say=self._say)
        except MeasurementError as error:
            raise CommandError(str(error)) from error
        if file is not None:
            file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        for name, count in found["counts"].items():
            self.stdout.write(f"{count:6} {name}")
        for problem in found["problems"]:
            self.stdout.write(problem)
        told = (
            f"{found['points']} crashes in {found['seconds']:.0f} s, "
            f"{found['journalled']} orders journalled: {found['lost']} lost, "
            f"{found['doubled']} doubled"
        )
        if found["problems"]:
            raise CommandError(f"{told}; kept in {found['kept']}")
        self.stdout.write(told)

    def _say(self, line: str) -> None:
        self.stderr.write(line)
