"""Faults before a connection serves: TCP arrivals, certificates, handshakes, requests."""

import asyncio
import ssl
from pathlib import Path
from typing import Final

from market.simulator.cuts import reset
from market.simulator.faults.armed import Armed
from market.simulator.faults.certificates import bad_context
from market.simulator.stage import Stage, Welcome

_OLD_TLS: Final = "tls11"
_WELCOMES: Final = {
    "tls_hang": Welcome.HANG,
    "offline": Welcome.RESET,
    _OLD_TLS: Welcome.OLD_TLS,
}


class Doors:
    """Tells the stage how to receive each TCP connection of the TLS port."""

    def __init__(self, stage: Stage, tls_folder: Path) -> None:
        self._stage = stage
        self._tls_folder = tls_folder
        self._armed: list[Armed] = []
        self._contexts: dict[str, ssl.SSLContext] = {}
        stage.receive = self._receive

    def begin(self, armed: Armed) -> None:
        fault = armed.fault
        shape = fault.shape or ""
        if shape not in ("", _OLD_TLS, *self._contexts):
            self._contexts[shape] = bad_context(self._tls_folder, shape)
        if fault.kind == "offline":
            for link in list(self._stage.links):
                reset(link.outer)
        self._armed.append(armed)

    def pulse(self, armed: Armed) -> None:
        """Arrivals bring the chances."""

    def end(self, armed: Armed) -> None:
        if armed in self._armed:
            self._armed.remove(armed)

    def _receive(self) -> tuple[Welcome, ssl.SSLContext]:
        for armed in self._armed:
            if armed.takes():
                shape = armed.fault.shape or ""
                context = self._contexts.get(shape, self._stage.context)
                return _WELCOMES.get(shape or armed.fault.kind, Welcome.SERVE), context
        return Welcome.SERVE, self._stage.context


async def hang(armed: Armed, seconds: float) -> None:
    """Wait until the fault ends, ``seconds`` at most."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not armed.over and loop.time() < end:  # noqa: ASYNC110 - ends in many ways
        await asyncio.sleep(0.05)
