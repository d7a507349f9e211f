"""``manage run_simulator``: the simulated exchange, until it is told to stop."""

import argparse
import asyncio
import logging
import signal
from pathlib import Path
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from pydantic import ValidationError

from market.simulator.config import SimulatorSettings
from market.simulator.errors import SimulatorError
from market.simulator.server import running_simulator

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Run the exchange simulator on loopback."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=int, help="TLS port (0: any free one)")
        parser.add_argument(
            "--plain-port", type=int, help="plain port (0: any free one)"
        )
        parser.add_argument("--seed", type=int)
        parser.add_argument("--speed", type=float, help="simulated seconds per second")
        parser.add_argument("--symbols", type=int)
        parser.add_argument("--state", type=Path, metavar="DIR")

    def handle(self, *_args: Any, **options: Any) -> None:
        names = ("port", "plain_port", "seed", "speed", "symbols")
        given = {name: options[name] for name in names if options[name] is not None}
        base: SimulatorSettings = settings.QUANTAI.simulator
        state = options["state"] or settings.QUANTAI.site.var / "simulator"
        try:
            chosen = SimulatorSettings(**{**base.model_dump(), **given})
            uvloop.run(_serve(chosen, state))
        except (ValidationError, SimulatorError) as error:
            raise CommandError(str(error)) from error


async def _serve(chosen: SimulatorSettings, state: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_simulator(chosen, state) as simulator:
        logger.info(
            "simulator listening https=%s plain=%s ca=%s symbols=%d seed=%d speed=%g",
            simulator.base_url,
            simulator.plain_url,
            simulator.ca_path,
            chosen.symbols,
            chosen.seed,
            chosen.speed,
        )
        await stop.wait()
        logger.info("simulator stopping")
