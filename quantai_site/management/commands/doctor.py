"""``doctor``: look for what is wrong; exit status 1 when something fails."""

import sys
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from quantai_site.doctor import exchange, machine, services
from quantai_site.doctor.findings import Finding, Level, warn


class Command(BaseCommand):
    help = "Check Python, packages, disk, database, Redis, port, exchange and clock."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        levels = []
        for finding in self._findings():
            self.stdout.write(finding.line())
            levels.append(finding.level)
        counts = ", ".join(f"{levels.count(level)} {level}" for level in Level)
        self.stdout.write(counts)
        if Level.FAIL in levels:
            sys.exit(1)

    def _findings(self) -> Iterator[Finding]:
        config = settings.QUANTAI
        site = config.site
        yield machine.check_python()
        yield machine.check_packages()
        yield machine.check_var(site)
        yield machine.check_disk(site)
        yield machine.check_redis_program()
        yield services.check_redis(config)
        yield services.check_database(config)
        yield services.check_master_keys()
        yield machine.check_port(site)
        yield from exchange.check_exchange(config)
        for line in config.warnings:
            yield warn("settings", line, "remove or correct it")
