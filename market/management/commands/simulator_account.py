"""``manage simulator_account``: accounts at the running exchange simulator."""

import argparse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from market.simulator import remote
from market.simulator.errors import SimulatorError

PATH, TRANSFER = "/sim/accounts", "/sim/transfer"


class Command(BaseCommand):
    help = "Open or list accounts at the running exchange simulator."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--url", help="plain control URL, when the simulator is not this one's own"
        )
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="names, keys, money, positions; no secrets")
        opens = verbs.add_parser(
            "open", help="make an account; prints its key and, once, its secret"
        )
        opens.add_argument("name")
        opens.add_argument("--balance", default="10000", help="USDT")
        opens.add_argument("--hedge", action="store_true", help="long beside short")
        opens.add_argument(
            "--public-key",
            type=Path,
            metavar="FILE",
            help="PEM of an RSA or Ed25519 key that signs, instead of an HMAC secret",
        )

        moves = verbs.add_parser("transfer", help="bring money in, or take it out")
        moves.add_argument("name", help="name or key")
        moves.add_argument("amount", help="USDT; negative takes it out")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            state = settings.QUANTAI.site.var / "simulator"
            url = options["url"] or remote.find(state)
            if options["verb"] == "list":
                self._list(remote.ask(url, "GET", PATH)["accounts"])
            elif options["verb"] == "transfer":
                self._transfer(url, options)
            else:
                self._open(url, options)
        except SimulatorError as error:
            raise CommandError(str(error)) from error

    def _open(self, url: str, options: dict[str, Any]) -> None:
        wanted = {
            "name": options["name"],
            "balance": options["balance"],
            "hedge": options["hedge"],
        }
        public: Path | None = options["public_key"]
        if public is not None:
            try:
                wanted["secret"] = public.read_text()
            except OSError as error:
                raise CommandError(f"--public-key {public}: {error}") from error
        made = remote.ask(url, "POST", PATH, wanted)
        self.stdout.write(f"key {made['key']}")
        if public is None:
            self.stdout.write(f"secret {made['secret']}")

    def _transfer(self, url: str, options: dict[str, Any]) -> None:
        wanted = {"account": options["name"], "amount": options["amount"]}
        moved = remote.ask(url, "POST", TRANSFER, wanted)
        self.stdout.write(f"{moved['name']} has {moved['wallet']} USDT")

    def _list(self, accounts: list[dict[str, Any]]) -> None:
        for one in accounts:
            mode = "hedge" if one["hedge"] else "one-way"
            self.stdout.write(
                f"{one['name'] or '-':16} {one['key'][:8]}… {one['wallet']} USDT {mode} "
                f"{one['open_orders']} open orders, {one['positions']} positions"
            )
        if not accounts:
            self.stdout.write("no account was opened")
