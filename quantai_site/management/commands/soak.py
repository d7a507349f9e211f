"""``soak``: the market connection under random faults, compared with the exchange."""

import importlib
import json
import signal
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.benchmark import MeasurementError

SPEED = 60.0


class Command(BaseCommand):
    help = (
        "Run the market connection under a random schedule of faults on simulated "
        "time and compare everything with the exchange. Exit status 1: something was "
        "lost. See docs/soak.md."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("--hours", type=float, default=1.0, help="simulated hours")
        parser.add_argument(
            "--speed",
            type=float,
            default=SPEED,
            help=f"simulated seconds per second ({SPEED:g})",
        )
        parser.add_argument(
            "--seed", type=int, default=1, help="of schedule and market"
        )
        parser.add_argument(
            "--faults", type=int, default=0, help="how many (0: 9 an hour, 12 at least)"
        )
        parser.add_argument("--symbols", type=int, default=20)
        parser.add_argument(
            "--watched", type=int, default=3, help="symbols that somebody looks at"
        )
        parser.add_argument(
            "--overlap", action="store_true", help="do not wait for recoveries"
        )
        parser.add_argument(
            "--json", dest="file", type=Path, metavar="FILE", help="write all here"
        )
        parser.add_argument(
            "--markdown", type=Path, metavar="FILE", help="write tables here"
        )

    def handle(
        self, *, file: Path | None, markdown: Path | None, **options: Any
    ) -> None:
        names = ("hours", "speed", "seed", "faults", "overlap", "symbols", "watched")
        found = self._run({name: options[name] for name in names})
        for line in found.pop("text"):
            self.stdout.write(line)
        tables = found.pop("markdown")
        if markdown is not None:
            markdown.write_text("\n".join(tables) + "\n", encoding="utf-8")
        if file is not None:
            file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        for example in found["verdict"]["examples"]:
            self.stdout.write(example)
        if found["lost"]:
            raise CommandError(f"something was lost; kept in {found['kept']}")
        self.stdout.write("nothing was lost")

    def _run(self, wanted: dict[str, Any]) -> dict[str, Any]:
        # Only in a checkout: a production installation has no benchmarks.
        soak = importlib.import_module("benchmarks.soak.soak")
        # Ctrl-C also where whoever started it ignores it (a shell's background).
        numbers = (signal.SIGTERM, signal.SIGINT)
        previous = [signal.signal(one, signal.default_int_handler) for one in numbers]
        try:
            found: dict[str, Any] = soak.soak(wanted, say=self._say)
        except (MeasurementError, ValueError) as error:
            raise CommandError(str(error)) from error
        finally:
            for number, handler in zip(numbers, previous, strict=True):
                signal.signal(number, handler)
        return found

    def _say(self, line: str) -> None:
        self.stderr.write(line)
