"""``./quantai manage patterns``: do disconnects come back at the same time?"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from core import wire
from core.clock import SystemClock
from market import patterns_report

SHOWN = 8


class Command(BaseCommand):
    """Prints what was found in the stored events, with the evidence."""

    help = (
        "Look for disconnects that come back at the same minute of the hour, hour of "
        "the day, or age of the connection."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=30, help="how far to look back")
        parser.add_argument("--json", action="store_true", help="print it as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Search and print."""
        found = patterns_report.report(
            venue=settings.QUANTAI.site.exchange,
            now_ms=SystemClock().now_ms(),
            days=options["days"],
        )
        if options["json"]:
            self.stdout.write(wire.encode(found).decode())
            return
        hours = found["observed_seconds"] / 3600
        self.stdout.write(
            f"{found['losses']} losses of live connections in {hours:.1f} observed hours "
            f"on {found['venue']}, {found['days']} days back; a pattern needs "
            f"p < {found['threshold']} after correction, {found['least_occasions']} times"
        )
        for pattern in found["patterns"]:
            self._print(pattern)
        if not found["patterns"]:
            self.stdout.write("No pattern: the losses are as chance would have them.")

    def _print(self, pattern: dict[str, Any]) -> None:
        times = ", ".join(_utc(at) for at in pattern["times"][-SHOWN:])
        more = len(pattern["times"]) - SHOWN
        self.stdout.write(f"- {pattern['summary']}")
        self.stdout.write(
            f"  {'still going on' if pattern['current'] else 'over'}; "
            f"connections {', '.join(pattern['connections'])}"
        )
        self.stdout.write(f"  at {times}{f' and {more} before' if more > 0 else ''}")
        self.stdout.write(f"  {pattern['advice']}")


def _utc(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, tz=UTC):%Y-%m-%d %H:%M:%S}Z"
