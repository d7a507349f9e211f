"""``scan``: ask the scanner for a scan and show what it found."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import InvalidInput
from market import signal_selectors, signal_services
from market.models import Scan

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 120.0
LONGEST_SECONDS = 86_400
TEST_SYMBOLS = 10
ENDED = frozenset({"done", "failed", "cancelled"})


class Command(BaseCommand):
    help = "Scan all followed symbols now, or again and again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--interval", type=float, metavar="SECONDS", help="scan again so often"
        )
        parser.add_argument("--min-score", type=float, default=70.0)
        parser.add_argument("--bars", default="", help="interval of the bars: 15m, 1h")
        parser.add_argument(
            "--test", action="store_true", help=f"{TEST_SYMBOLS} symbols, once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Scan once, or until Ctrl-C."""
        if not 0 <= options["min_score"] <= 100:
            raise CommandError(f"--min-score {options['min_score']}: from 0 to 100")
        every = None if options["test"] else options["interval"]
        if every is not None and not 1 <= every <= LONGEST_SECONDS:
            rule = f"from 1 to {LONGEST_SECONDS:,} seconds"
            raise CommandError(f"--interval {every}: {rule}")
        try:
            self._scan(options)
            while every is not None:
                time.sleep(every)
                self._scan(options)
        except KeyboardInterrupt:
            self.stdout.write("")

    def _scan(self, options: dict[str, Any]) -> None:
        try:
            row = signal_services.scan_request(
                venue=settings.QUANTAI.site.exchange,
                trigger="timer" if options["interval"] else "command",
                actor="command line",
                interval=options["bars"],
                limit=TEST_SYMBOLS if options["test"] else None,
                min_score=options["min_score"],
            )
        except InvalidInput as error:
            raise CommandError(str(error)) from error
        self._wait(row)
        if row.state != "done":
            raise CommandError(f"the scan {row.state}: {row.note}")
        self._show(signal_selectors.scan_answer(row))

    def _wait(self, row: Scan) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while row.state not in ENDED:
            if time.monotonic() > deadline:
                raise CommandError("the scanner does not answer; the scan stays asked")
            time.sleep(POLL_SECONDS)
            row.refresh_from_db()
            if self.stdout.isatty():
                self.stdout.write(f"\r{row.done}/{row.total_symbols}", ending="")
        if self.stdout.isatty():
            self.stdout.write("\r", ending="")

    def _show(self, answer: dict[str, Any]) -> None:
        for row in answer["signals"]:
            mark = "★" if row["prime"] else " "
            chance = row["win_probability"]
            self.stdout.write(
                f"{mark} {row['symbol']:<14} {row['interval']:>3} {row['direction']:<5} "
                f"score {row['score']:5.1f}  confidence {row['confidence']:.2f}  "
                f"win {'–' if chance is None else format(chance, '.0%')}  "
                f"price {row['price']:g}"
            )
        self.stdout.write(
            f"{answer['total_symbols']} asked, {answer['scanned']} scanned, "
            f"{len(answer['failed'])} failed, {len(answer['signals'])} signals, "
            f"{len(answer['prime_signals'])} prime, {answer['elapsed_seconds']:.2f} s"
        )
        for symbol, reason in answer["failed"].items():
            self.stdout.write(f"  {symbol}: {reason}")
