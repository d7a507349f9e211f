"""The simulator as a server: REST and stream sockets over TLS and plain, on loopback.

``async with running_simulator(settings, state_dir) as simulator`` for tests and for the
command; everything it owns ends with the block.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web

from market.simulator.accounts.side import AccountSide
from market.simulator.app import App
from market.simulator.clock import SimClock
from market.simulator.config import SimulatorSettings
from market.simulator.engine import Engine
from market.simulator.errors import SimulatorError
from market.simulator.exchange import Exchange
from market.simulator.faults.engine import Faults
from market.simulator.hub import Hub
from market.simulator.listening import announced
from market.simulator.simulation import Addresses, Simulator
from market.simulator.sockets import StreamSockets
from market.simulator.stage import Stage
from market.simulator.tls import ensure_tls


@contextlib.asynccontextmanager
async def running_simulator(
    settings: SimulatorSettings, state_dir: Path
) -> AsyncIterator[Simulator]:
    """Serve until the block ends. Raises SimulatorError when it cannot listen."""
    clock = SimClock(
        speed=settings.speed, skew_ms=settings.skew_ms, file=state_dir / "clock.json"
    )
    exchange = Exchange(settings, clock, state_dir)
    ranks = {symbol.name: symbol.rank for symbol in exchange.symbols}
    hub = Hub(ranks, buffer_limit=settings.write_buffer_bytes)
    accounts = AccountSide(exchange, hub, state_dir)
    tls = ensure_tls(state_dir / "tls")
    with contextlib.ExitStack() as listeners:
        listeners.callback(accounts.close)
        secure = listeners.enter_context(_listener(settings.host, settings.port))
        plain = listeners.enter_context(_listener(settings.host, settings.plain_port))
        addresses = Addresses(
            settings.host, secure.getsockname()[1], plain.getsockname()[1]
        )
        stage = Stage(tls.server_context())
        faults = Faults(
            seed=settings.seed,
            exchange=exchange,
            hub=hub,
            stage=stage,
            tls_folder=state_dir / "tls",
            accounts=accounts,
        )
        simulator = Simulator(settings, exchange, hub, tls, addresses, faults, accounts)
        app = App(simulator, stage)
        urls = simulator.base_url, simulator.plain_url
        async with _serving(app, stage, secure, plain):
            listeners.enter_context(announced(state_dir, *urls))
            tasks = [
                asyncio.create_task(
                    Engine(exchange, hub, accounts).run(), name="engine"
                ),
                asyncio.create_task(app.sockets.keep_time(), name="keep-time"),
                asyncio.create_task(faults.run(), name="faults"),
            ]
            try:
                yield simulator
            finally:
                await simulator.stop_playing()
                faults.disarm_all()
                await _end(tasks, app.sockets)


@contextlib.asynccontextmanager
async def _serving(
    app: App, stage: Stage, secure: socket.socket, plain: socket.socket
) -> AsyncIterator[None]:
    server = web.Application(client_max_size=64 * 1024)
    server.router.add_route("*", "/{path:.*}", app.handle)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        if runner.server is not None:
            await stage.listen(secure, runner.server)
        await web.SockSite(runner, plain).start()
        yield
    finally:
        stage.stop_listening()
        await runner.cleanup()
        await stage.close()


async def _end(tasks: list[asyncio.Task[None]], sockets: StreamSockets) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await sockets.finish()


def _listener(host: str, port: int) -> socket.socket:
    """A bound socket; raises SimulatorError for a foreign host or a used port."""
    address = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SimulatorError(f"the simulator listens on loopback only, not on {host}")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        raise SimulatorError(f"cannot listen on {host}:{port}: {error}") from error
    return listener
