"""The exchange bans the address: nobody asks and nobody dials until the ban ends."""

import asyncio
import os
import sys
import time

import pytest

from market.simulator.app import App
from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator
from quantai_site import config
from tests.waiting import until

BAN_SECONDS = 10
# What is on its way when the ban is heard cannot be called back.
IN_FLIGHT = 1.0


class Door:
    """Notes who comes to the exchange, and bans the address when told."""

    def __init__(self):
        self.ban_next = ""
        self.visits = []

    def guard(self, monkeypatch):
        handle = App.handle

        async def noting(app, request):
            who = request.query.get("who", "")
            dialled = request.headers.get("Upgrade", "").lower() == "websocket"
            if self.ban_next and self.ban_next == ("dial" if dialled else "ask"):
                self.ban_next = ""
                limits = app._limits
                limits._ban(limits._entry(app._stage.address(request)), time.time())
            answer = await handle(app, request)
            self.visits.append((time.time(), who, dialled, answer.status))
            return answer

        monkeypatch.setattr(App, "handle", noting)

    def of(self, who, *, dialled, since=0.0):
        return [
            at
            for at, name, d, _ in self.visits
            if (name, d) == (who, dialled) and at > since
        ]

    def both(self, who, since=0.0):
        """Whether this process has asked and dialled since then."""
        return bool(
            self.of(who, dialled=True, since=since)
            and self.of(who, dialled=False, since=since)
        )

    def refused_at(self):
        return next((at for at, *_, status in self.visits if status == 418), None)


class Children:
    """Real processes of the product with one database and one Redis."""

    def __init__(self, folder, simulator, redis_url):
        mine = set(config.variables()) | {"DJANGO_SETTINGS_MODULE"}
        self._environment = {
            **{key: v for key, v in os.environ.items() if key not in mine},
            "DJANGO_SETTINGS_MODULE": "quantai_site.settings",
            "QUANTAI_VAR": str(folder / "var"),
        }
        self._arguments = (simulator.base_url, str(simulator.ca_path), redis_url)
        self.running = {}

    async def _run(self, *arguments):
        return await asyncio.create_subprocess_exec(
            sys.executable, *arguments, env=self._environment
        )

    async def prepare(self):
        process = await self._run("manage.py", "migrate", "--verbosity", "0")
        assert await process.wait() == 0

    async def start(self, name):
        self.running[name] = await self._run(
            "-m", "tests.market.address_child", *self._arguments, name
        )

    async def kill(self, name):
        process = self.running.pop(name)
        process.kill()
        await process.wait()

    async def end(self):
        for name in list(self.running):
            await self.kill(name)


@pytest.fixture
async def stage(tmp_path, bus, redis_server, monkeypatch):
    """(door, children): two of them ask and dial."""
    door = Door()
    door.guard(monkeypatch)
    chosen = SimulatorSettings(symbols=1, ban_seconds=BAN_SECONDS, dial_limit=10_000)
    async with running_simulator(chosen, tmp_path / "exchange") as simulator:
        children = Children(tmp_path, simulator, redis_server.url)
        await children.prepare()
        try:
            for name in ("one", "two"):
                await children.start(name)
            await until(lambda: door.both("one") and door.both("two"), 20)
            yield door, children
        finally:
            await children.end()


@pytest.mark.slow
@pytest.mark.parametrize("banned_by", ["ask", "dial"])
async def test_not_one_request_or_dial_of_any_process_during_a_ban_restarts_included(
    stage, redis_server, banned_by
):
    door, children = stage
    door.ban_next = banned_by
    await until(lambda: door.refused_at() is not None)
    begun = door.refused_at()
    await asyncio.sleep(IN_FLIGHT)
    # One process ends and another begins; Redis ends and comes back empty.
    await children.kill("one")
    redis_server.kill()
    await children.start("three")
    await asyncio.sleep(1)
    redis_server.start()
    await until(lambda: door.both("two", begun + 1) and door.both("three"), 20)

    after = [at for at, *_ in door.visits if at > begun + IN_FLIGHT]
    assert min(after) >= begun + BAN_SECONDS
    assert {status for at, *_, status in door.visits if at in after} <= {101, 200}
    heard = [at for at, *_, status in door.visits if status == 418]
    assert heard[-1] <= begun + IN_FLIGHT
