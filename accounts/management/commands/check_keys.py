"""``check_keys``: ask the exchange what the keys of accounts may do."""

import getpass
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.key_check import Checked, keys_check
from accounts.models import ExchangeAccount
from market.binance.rest_errors import RestError

MARKS = {"ok": "✓", "warning": "!", "failed": "✗", "unknown": "?"}


class Command(BaseCommand):
    help = "Ask the exchange what the keys of accounts may do; fail when one must not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", help="accounts; all when none is given")

    def handle(self, *, names: list[str], **options: Any) -> None:
        venue = settings.QUANTAI.site.exchange
        accounts = list(ExchangeAccount.objects.filter(venue=venue))
        if unknown := set(names) - {one.name for one in accounts}:
            raise CommandError(f"{venue} has no account {', '.join(sorted(unknown))}")
        chosen = [one for one in accounts if not names or one.name in names]
        actor = f"{getpass.getuser()} (command line)"
        try:
            found = async_to_sync(keys_check)(chosen, venue=venue, actor=actor)
        except (RestError, ValueError) as error:
            raise CommandError(str(error)) from error
        for one in found:
            self._tell(one)
        self.stdout.write(f"{len(found)} of {len(chosen)} accounts have a key")
        if any(one.verdict is None or not one.verdict.passed for one in found):
            raise CommandError("not every key passed")

    def _tell(self, one: Checked) -> None:
        if one.verdict is None:
            self.stdout.write(f"{one.account}: not checked: {one.problem}")
            return
        word = "passed" if one.verdict.passed else "failed"
        self.stdout.write(f"{one.account}: {word}")
        for finding in one.verdict.findings:
            self.stdout.write(
                f"  {MARKS[finding.level]} {finding.name}: {finding.text}"
            )
