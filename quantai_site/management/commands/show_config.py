"""``show_config``: every setting, its value and where it came from."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Show effective settings and their sources; secrets are masked."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, **options: Any) -> None:
        config = settings.QUANTAI
        rows = list(config.rows())
        if options["json"]:
            document = {
                "settings": [row._asdict() for row in rows],
                "warnings": list(config.warnings),
            }
            self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False))
            return
        width = max(len(row.variable) for row in rows)
        for row in rows:
            self.stdout.write(f"{row.variable:<{width}} = {row.value}  [{row.source}]")
        for line in config.warnings:
            self.stderr.write(f"warning: {line}")
