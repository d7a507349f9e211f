"""``import_candles``: candles from files, and back-fill of a series over REST."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from core.clock import SystemClock
from market.binance.rest import RestError
from market.domain.candles import INTERVAL_MS
from market.history.columns import FileProblem
from market.history.stamps import YearLast
from market.history.validation import Gap
from market.history_backfill import Filled
from market.history_fetch import fetch_history
from market.history_import import (
    Imported,
    Refused,
    Wishes,
    checked_pair,
    days_back,
    hole_after,
    import_file,
)
from market.history_store import moment
from market.management.progress import Progress

SHOWN_GAPS = 20
INTERRUPTED = 130
MOST_DAYS = 10_000
_VENUE = re.compile(r"[a-z0-9][a-z0-9-]{0,15}")


class Command(BaseCommand):
    help = (
        "Import candles from files (Binance dumps, CSV, Parquet; docs/history.md), or "
        "fetch the history of one series from the exchange."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
        parser.add_argument(
            "--backfill", nargs=3, metavar=("SYMBOL", "INTERVAL", "DAYS")
        )
        parser.add_argument("--symbol", default="", help="of files that do not say it")
        parser.add_argument("--interval", default="", choices=["", *INTERVAL_MS])
        parser.add_argument(
            "--venue", type=_venue, help="whose candles these are (the installation's)"
        )
        parser.add_argument(
            "--replace", action="store_true", help="replace stored bars that differ"
        )
        parser.add_argument(
            "--dates",
            choices=[YearLast.DAY_FIRST, YearLast.MONTH_FIRST],
            default=YearLast.REFUSED,
            help="how dates like 03/04/2021 are read",
        )
        parser.add_argument(
            "--swap-volumes",
            action="store_true",
            help="exchange volume and quote volume where only that fits the prices",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Import all files, or fill back; what failed is an error at the end."""
        venue = options["venue"] or settings.QUANTAI.site.exchange
        if bool(options["files"]) == bool(options["backfill"]):
            raise CommandError("name files, or --backfill SYMBOL INTERVAL DAYS")
        if options["backfill"]:
            self._backfill(venue, options["backfill"])
        else:
            self._import(venue, options)

    # -- files ------------------------------------------------------------------

    def _import(self, venue: str, options: Mapping[str, Any]) -> None:
        wishes = Wishes(
            venue=venue,
            symbol=options["symbol"],
            interval=options["interval"],
            year_last=YearLast(options["dates"]),
            replace=options["replace"],
            swap_volumes=options["swap_volumes"],
        )
        failed = []
        ends: dict[tuple[str, str], int] = {}
        for path in options["files"]:
            result = Imported()
            if not self._import_one(path, wishes, result):
                failed.append(path.name)
            elif result.checked is not None:
                last = int(result.checked.bars.open_times[-1])
                ends[result.pair] = max(last, ends.get(result.pair, 0))
        now_ms = SystemClock().now_ms()
        for pair, last in ends.items():
            hole = hole_after(venue=venue, pair=pair, last=last, now_ms=now_ms)
            if hole is not None:
                self._advise(venue, pair, hole, now_ms)
        if failed:
            raise CommandError(
                f"{len(failed)} of {len(options['files'])} files not imported: "
                f"{', '.join(failed)}"
            )

    def _import_one(self, path: Path, wishes: Wishes, result: Imported) -> bool:
        """Import and report; False when the file was refused."""
        progress = Progress(self.stderr, path.name, "bars")

        def show(what: str, done: int, planned: int) -> None:
            if what == "stored":
                progress.show(done, planned)
            else:
                progress.count(what, done)

        try:
            import_file(
                path, wishes, now_ms=SystemClock().now_ms(), show=show, result=result
            )
        except Refused as error:
            for line in error.findings.texts():
                self.stderr.write(line)
            self.stderr.write(f"{path.name}: {error}")
            return False
        except (FileProblem, OSError) as error:
            self.stderr.write(f"{path.name}: {error}")
            return False
        except DatabaseError as error:
            self._report(path, wishes, result)
            raise CommandError(f"cannot be stored: {error}") from error
        except KeyboardInterrupt:
            self._report(path, wishes, result)
            raise CommandError(
                "stopped; what is stored stays, the same command goes on",
                returncode=INTERRUPTED,
            ) from None
        self._report(path, wishes, result)
        return True

    def _report(self, path: Path, wishes: Wishes, result: Imported) -> None:
        checked, stored = result.checked, result.stored
        if checked is None:
            return
        symbol, interval = result.pair
        span = checked.bars.open_times
        self.stdout.write(
            f"{path.name}: {symbol} {interval} on {wishes.venue}, {len(span):,} bars, "
            f"{moment(int(span[0]))} – {moment(int(span[-1]))}"
        )
        for note in result.notes:
            self.stdout.write(f"  {note}")
        if checked.repeated:
            self.stdout.write(f"  {checked.repeated:,} repeated bars dropped")
        self._report_gaps("missing in the file", checked.gaps)
        done = "replaced" if wishes.replace else "kept as stored"
        self.stdout.write(
            f"  {stored.new:,} new, {stored.equal:,} stored already, "
            f"{stored.different:,} different {done}"
        )
        for text in stored.differences:
            self.stdout.write(f"    {text}")
        if len(stored.differences) < stored.different:
            more = stored.different - len(stored.differences)
            self.stdout.write(f"    … and {more:,} more")
        if not stored.new and not (wishes.replace and stored.different):
            self.stdout.write("  nothing changed")

    def _report_gaps(self, what: str, gaps: list[Gap]) -> None:
        if not gaps:
            return
        bars = sum(gap.bars for gap in gaps)
        self.stdout.write(f"  {what}: {bars:,} bars in {len(gaps):,} ranges")
        for gap in gaps[:SHOWN_GAPS]:
            self.stdout.write(
                f"    {moment(gap.first)} – {moment(gap.last)} ({gap.bars:,})"
            )
        if len(gaps) > SHOWN_GAPS:
            self.stdout.write(f"    … and {len(gaps) - SHOWN_GAPS:,} more ranges")

    def _advise(
        self, venue: str, pair: tuple[str, str], hole: Gap, now_ms: int
    ) -> None:
        symbol, interval = pair
        self.stdout.write(
            f"{symbol} {interval}: {hole.bars:,} bars from {moment(hole.first)} to "
            f"{moment(hole.last)} are not stored, and days among them count as "
            f"uncovered. To fetch them: ./quantai manage import_candles --venue {venue} "
            f"--backfill {symbol} {interval} {days_back(hole.first, now_ms)}"
        )

    # -- REST -------------------------------------------------------------------

    def _backfill(self, venue: str, words: list[str]) -> None:
        pair, days = _series(words)
        name = " ".join(pair)
        again = f"import_candles --venue {venue} --backfill {name} {days}"
        market = settings.QUANTAI.market
        own: str = settings.QUANTAI.ws.ca_file
        result = Filled()
        progress = Progress(self.stderr, name, "bars")
        try:
            uvloop.run(
                fetch_history(
                    venue=venue,
                    market=market,
                    ca_file=own
                    or (market.simulator_ca if venue == "simulator" else ""),
                    pair=pair,
                    days=days,
                    show=progress.show,
                    result=result,
                )
            )
        except KeyboardInterrupt:
            self._report_filled(venue, name, result)
            raise CommandError(
                f"stopped; what is stored stays. To go on: ./quantai manage {again}",
                returncode=INTERRUPTED,
            ) from None
        except (RestError, DatabaseError, ValueError) as error:
            self._report_filled(venue, name, result)
            on = f"; what is stored stays. To go on: ./quantai manage {again}"
            raise CommandError(f"{error}{on if result.stored else ''}") from error
        self._report_filled(venue, name, result)
        if result.missing == result.wanted and not result.stored:
            raise CommandError(f"{venue} has no bar of {name} in these {days} days")

    def _report_filled(self, venue: str, name: str, result: Filled) -> None:
        if not result.wanted:  # it ended before that was known
            return
        if not result.missing:
            self.stdout.write(f"{name} on {venue}: nothing is missing")
            return
        self.stdout.write(
            f"{name} on {venue}: {result.stored:,} of {result.missing:,} missing bars "
            "stored"
        )
        self._report_gaps("the exchange does not have", result.absent)


def _series(words: list[str]) -> tuple[tuple[str, str], int]:
    symbol, interval, days = words
    try:
        pair = checked_pair(symbol, interval)
    except FileProblem as error:
        raise CommandError(str(error)) from error
    if not (days.isascii() and days.isdigit() and 1 <= int(days) <= MOST_DAYS):
        raise CommandError(f"DAYS {days!r}: a whole number from 1 to {MOST_DAYS}")
    return pair, int(days)


def _venue(text: str) -> str:
    if not _VENUE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r}: small letters, digits and -")
    return text
