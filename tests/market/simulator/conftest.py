"""Servers and clients of the simulator's own tests."""

import contextlib
import ssl

import aiohttp
import pytest

from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator


class Client:
    """An aiohttp session that trusts the simulator's CA."""

    def __init__(self, simulator, session, context):
        self.simulator = simulator
        self.session = session
        self._context = context

    async def get(self, path, **params):
        """(status, JSON, headers)."""
        url = self.simulator.base_url + path
        async with self.session.get(url, params=params, ssl=self._context) as response:
            return response.status, await response.json(), response.headers

    async def post(self, path, body):
        """To the plain port."""
        url = self.simulator.plain_url + path
        async with self.session.post(url, json=body) as response:
            return response.status, await response.json()

    def socket(self, path, **options):
        url = self.simulator.ws_url + path
        return self.session.ws_connect(url, ssl=self._context, **options)


@contextlib.asynccontextmanager
async def running_client(state_dir, **settings):
    chosen = SimulatorSettings(**{"symbols": 3, **settings})
    async with running_simulator(chosen, state_dir) as simulator:
        context = ssl.create_default_context(cafile=str(simulator.ca_path))
        async with aiohttp.ClientSession() as session:
            yield Client(simulator, session, context)


@pytest.fixture
def start(tmp_path):
    """``async with start(symbols=2, …) as client``."""
    return lambda **settings: running_client(tmp_path / "state", **settings)


@pytest.fixture
async def client(start):
    async with start() as running:
        yield running
