"""``manage fault``: faults of the running exchange simulator."""

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from market.simulator import remote
from market.simulator.errors import SimulatorError
from market.simulator.faults.kinds import KINDS
from market.simulator.faults.scenarios import load_scenario

# Options of ``arm`` that are sent on as they are, by type.
_SELECTORS = {
    "connection": int,
    "route": str,
    "stream": str,
    "symbol": str,
    "path": str,
}
_CHANCES = {"nth": int, "probability": float, "count": int}
_PARAMETERS = {
    "answer": str,
    "code": int,
    "text": str,
    "shape": str,
    "direction": str,
    "seconds": float,
    "jitter_seconds": float,
    "bytes_per_second": int,
    "milliseconds": int,
    "field": str,
    "value": str,
}


class Command(BaseCommand):
    help = "List, arm and disarm faults of the running exchange simulator."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--url", help="plain control URL, when the simulator is not this one's own"
        )
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="the faults armed so far, with their hits")
        verbs.add_parser("kinds", help="the kinds there are")
        _add_arm(verbs.add_parser("arm", help="arm a fault and print its number"))
        disarm = verbs.add_parser("disarm", help="end a fault, or all")
        disarm.add_argument("id", help="number of the fault, or all")
        scenario = verbs.add_parser("scenario", help="play a file or a shipped one")
        scenario.add_argument("file")

    def handle(self, *_args: Any, **options: Any) -> None:
        verb = options["verb"]
        if verb == "kinds":
            self._print_kinds()
            return
        try:
            self._url = options["url"] or remote.find(
                settings.QUANTAI.site.var / "simulator"
            )
        except SimulatorError as error:
            raise CommandError(str(error)) from error
        {
            "list": self._list,
            "arm": self._arm,
            "disarm": self._disarm,
            "scenario": self._scenario,
        }[verb](options)

    def _list(self, _: dict[str, Any]) -> None:
        faults = self._ask("GET", "/sim/faults")["faults"]
        for entry in faults:
            fault = {**entry["fault"]}
            if fault["probability"] == 1:
                del fault["probability"]
            state = "active" if entry["active"] else "ended"
            rest = " ".join(f"{key}={value}" for key, value in fault.items() if value)
            self.stdout.write(f"{entry['id']:>4} {state:6} hits={entry['hits']} {rest}")
        if not faults:
            self.stdout.write("no fault was armed")

    def _arm(self, options: dict[str, Any]) -> None:
        wanted = {
            name: options[name]
            for name in ("kind", *_SELECTORS, *_CHANCES, *_PARAMETERS)
            if options[name] is not None
        }
        if options["for_seconds"] is not None:
            wanted["for"] = options["for_seconds"]
        self.stdout.write(str(self._ask("POST", "/sim/faults", wanted)["id"]))

    def _disarm(self, options: dict[str, Any]) -> None:
        number = options["id"]
        path = "/sim/faults" if number == "all" else f"/sim/faults/{number}"
        self._ask("DELETE", path)

    def _scenario(self, options: dict[str, Any]) -> None:
        try:
            scenario = load_scenario(options["file"])
        except SimulatorError as error:
            raise CommandError(str(error)) from error
        body = scenario.model_dump(mode="json", exclude_none=True)
        answer = self._ask("POST", "/sim/scenario", body)
        self.stdout.write(f"{answer['name']}: last step in {answer['seconds']:g} s")
        if scenario.says:
            self.stdout.write(scenario.says)

    def _print_kinds(self) -> None:
        for name, kind in KINDS.items():
            defaults = ", ".join(
                f"{key}" if value is None else f"{key}={value}"
                for key, value in kind.parameters.items()
            )
            self.stdout.write(
                f"{name:16} {kind.says}" + f" ({defaults})" * bool(defaults)
            )

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            return remote.ask(self._url, method, path, body)
        except SimulatorError as error:
            raise CommandError(str(error)) from error


def _add_arm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", metavar="KIND", help="see: fault kinds")
    parser.add_argument("--for", dest="for_seconds", type=float, metavar="SECONDS")
    for name, kind in {**_SELECTORS, **_CHANCES, **_PARAMETERS}.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, dest=name, type=kind)
