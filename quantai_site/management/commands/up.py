"""``up``: run the whole installation until Ctrl-C."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.keys import MasterKeyProblem
from quantai_site.config import flag_parser
from quantai_site.embedded_redis import RedisUnavailableError
from quantai_site.preparation import prepare
from quantai_site.supervision.ports import PortTakenError
from quantai_site.supervision.relay import Relay
from quantai_site.supervision.run_lock import AlreadyRunningError
from quantai_site.supervision.up import Start, Up
from quantai_site.warnings import warnings

REFUSALS = (
    AlreadyRunningError,
    MasterKeyProblem,
    PortTakenError,
    RedisUnavailableError,
)


class Command(BaseCommand):
    help = "Start all processes, show their states, stop them with Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        flag_parser(parser)

    def handle(self, **options: Any) -> None:
        quantai = settings.QUANTAI
        site, simulator = quantai.site, quantai.simulator
        relay = Relay(as_json=site.log_format == "json")
        for line in warnings(quantai):
            relay.say(f"warning: {line}")
        up = Up(
            Start(
                site=site,
                redis_is_embedded=quantai.redis_is_embedded,
                simulator_ports=(simulator.port, simulator.plain_port),
                simulator_ca=site.var / "simulator" / "tls" / "ca.pem",
                as_host=(site.allowed_hosts or ("",))[0].lstrip(".*") or "localhost",
                prepare=prepare,
                training_workers=quantai.training.workers,
            ),
            relay,
        )
        try:
            status = up.run()
        except REFUSALS as error:
            raise CommandError(str(error)) from error
        sys.exit(status)
