"""A running exchange as tests and tools hold it: its URLs and what can be done to it."""

import asyncio
import logging
from dataclasses import dataclass

from market.simulator.accounts.side import AccountSide
from market.simulator.config import SimulatorSettings
from market.simulator.exchange import Exchange
from market.simulator.faults.engine import Faults
from market.simulator.faults.events import RST, cut
from market.simulator.faults.scenarios import Scenario, play
from market.simulator.hub import Hub
from market.simulator.regimes import Shock
from market.simulator.tls import TlsFiles

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Addresses:
    host: str
    port: int
    plain_port: int


class Simulator:
    """A running exchange. URLs carry the real ports."""

    def __init__(
        self,
        settings: SimulatorSettings,
        exchange: Exchange,
        hub: Hub,
        tls: TlsFiles,
        addresses: Addresses,
        faults: Faults,
        accounts: AccountSide,
    ) -> None:
        self.settings = settings
        self.exchange = exchange
        self.accounts = accounts
        self.hub = hub
        self.faults = faults
        self._playing: set[asyncio.Task[list[int]]] = set()
        self.ca_path = tls.ca
        self.addresses = addresses
        host = addresses.host
        self.base_url = f"https://{host}:{addresses.port}"
        self.ws_url = f"wss://{host}:{addresses.port}"
        self.plain_url = f"http://{host}:{addresses.plain_port}"
        self.plain_ws_url = f"ws://{host}:{addresses.plain_port}"

    @property
    def connections(self) -> int:
        """Open stream sockets."""
        return len(self.hub.connections)

    def drop_connections(
        self, kind: str | int = RST, *, only: int | None = None
    ) -> int:
        """Cut all connections, or the one of that number; how many were cut."""
        chosen = [
            connection
            for connection in self.hub.connections.values()
            if only is None or connection.number == only
        ]
        for connection in chosen:
            cut(connection, kind)
        return len(chosen)

    async def play(self, scenario: Scenario) -> list[int]:
        """Play it to its end; the numbers of its faults."""
        return await play(scenario, self.faults, speed=self.settings.speed)

    def start_playing(self, scenario: Scenario) -> None:
        """The same beside everything else."""
        task = asyncio.create_task(self.play(scenario), name=scenario.name)
        self._playing.add(task)
        task.add_done_callback(self._played)

    def _played(self, task: asyncio.Task[list[int]]) -> None:
        self._playing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("scenario %s stopped: %s", task.get_name(), error)

    async def stop_playing(self) -> None:
        for task in self._playing:
            task.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)

    def mute(self, stream: str) -> None:
        """Say nothing more on a stream while its connections stay open."""
        self.hub.mute(stream)

    def unmute(self, stream: str) -> None:
        self.hub.unmute(stream)

    def demand(self, kind: str) -> Shock:
        """CRASH or RALLY from the next simulated minute on."""
        return self.exchange.demand(kind)

    def set_shown_skew(self, milliseconds: int) -> None:
        """Move the clock that ``/time`` shows."""
        self.exchange.clock.shown_skew_ms = milliseconds
