"""``trading_modes``: where orders go under all circumstances."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from accounts.domain.modes import GUARDED, Circumstances, Decision, truth_table
from accounts.messages import decision
from accounts.models import ExchangeAccount

HEAD = (
    *("venue", "mode", "TRADING_MODE", "live_enabled", "key_checked", "guarded"),
    *("way", "badge", "reason"),
)
YES = {False: "no", True: "yes"}


class Command(BaseCommand):
    help = "Print where orders go for every combination of venue, mode and switches."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--accounts", action="store_true", help="only what holds for each account"
        )

    def handle(self, *, accounts: bool, **options: Any) -> None:
        trading = settings.QUANTAI.site.trading_mode
        if accounts:
            for one in ExchangeAccount.objects.order_by("venue", "name"):
                way = decision(one)
                self.stdout.write(
                    f"{one.venue} {one.name}: {way.way} {way.badge} {way.reason}".strip()
                )
            return
        rows = [HEAD, *(_row(given, way) for given, way in truth_table())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = zip(row, widths, strict=True)
            self.stdout.write(
                "  ".join(f"{cell:<{width}}" for cell, width in cells).rstrip()
            )
        self.stdout.write(f"here: TRADING_MODE={trading}, guarded={YES[GUARDED]}")


def _row(given: Circumstances, way: Decision) -> tuple[str, ...]:
    return (
        *(given.venue, given.mode, given.trading_mode),
        *(YES[given.live_enabled], YES[given.key_checked], YES[given.guarded]),
        *(way.way, way.badge, way.reason),
    )
