"""``audit``: prove the trail of changes, or read it."""

import argparse
import re
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import audit


class Command(BaseCommand):
    help = "Verify the trail of who changed what, or list its newest entries."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verify = verbs.add_parser("verify", help="fail when anything was tampered with")
        verify.add_argument(
            "--anchor",
            type=_anchor,
            metavar="NUMBER:DIGEST",
            help="an entry as a log kept it; finds a chain that was written anew",
        )
        listing = verbs.add_parser("list", help="newest entries first")
        listing.add_argument("--search", default="", help="words that must all be in")
        listing.add_argument("--limit", type=int, default=50)

    def handle(self, *, verb: str, **options: Any) -> None:
        if verb == "verify":
            self._verify(options["anchor"])
            return
        for entry in audit.entries(search=options["search"])[: options["limit"]]:
            moment = datetime.fromtimestamp(entry.at / 1000, tz=UTC)
            self.stdout.write(
                f"#{entry.number} {moment:%Y-%m-%d %H:%M:%S} {entry.actor} "
                f"{entry.action} {entry.target}: {entry.before} → {entry.after}"
            )

    def _verify(self, anchor: tuple[int, str] | None) -> None:
        found = audit.verify(anchor=anchor)
        for finding in found.findings:
            self.stderr.write(f"#{finding.number} {finding.what}")
        end = (
            f"the newest is {found.number}:{found.digest}" if found.number else "empty"
        )
        if found.findings:
            raise CommandError(
                f"{found.entries} entries, {len(found.findings)} findings; {end}"
            )
        self.stdout.write(f"{found.entries} entries, the chain is whole; {end}")


def _anchor(text: str) -> tuple[int, str]:
    match = re.fullmatch(r"#?(\d+):([0-9a-f]{64})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: give NUMBER:DIGEST as printed")
    return int(match[1]), match[2]
