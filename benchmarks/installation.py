"""A private installation: its own ``var``, database and Redis, gone afterwards."""

import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis
from redis import Redis

from benchmarks.processes import (
    MEASURED_CORE,
    OTHER_CORE,
    Process,
    running,
    until,
)
from core.benchmark import MeasurementError
from quantai_site import config, embedded_redis
from quantai_site.site_settings import BASE_DIR

START_SECONDS = 60.0


class Installation:
    """Paths and environment of one private ``var``; ``keep`` it to look into it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.var = folder / "var"
        self.log = folder / "output.log"
        self.keep = False
        inherited = set(config.variables()) | {"PYTHONPATH"}
        self.environment = {
            name: value
            for name, value in config.child_environment({}).items()
            if name not in inherited
        }
        self.environment |= {
            "DJANGO_SETTINGS_MODULE": "quantai_site.settings",
            "PYTHONUNBUFFERED": "1",
            "QUANTAI_VAR": str(self.var),
            **settings,
        }

    @property
    def redis_url(self) -> str:
        """Where the embedded Redis of this ``var`` listens."""
        return embedded_redis.url(self.var)

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end and return what it said."""
        done = subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
            env=self.environment,
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise MeasurementError(
                f"{arguments[0]} failed:\n{done.stdout}{done.stderr}"
            )
        return done.stdout.strip()

    def process(
        self, *arguments: str, measured: bool = False, **settings: str
    ) -> Process:
        """Start a management command that goes on."""
        return Process(
            [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
            environment={**self.environment, **settings},
            log=self.log,
            core=MEASURED_CORE if measured else OTHER_CORE,
        )

    @contextmanager
    def redis(self) -> Iterator[redis.Redis]:
        """Run the embedded Redis on the other core and give a client of it."""
        with ExitStack() as stack:
            server = stack.enter_context(running(self.process("run_redis")))
            stack.callback(self._remove_sockets)
            client = stack.enter_context(redis.Redis.from_url(self.redis_url))

            def answers() -> bool:
                if not server.alive:
                    raise server.failure("Redis ended")
                try:
                    return bool(client.ping())
                except redis.RedisError:
                    return False

            until(answers, seconds=START_SECONDS, what="Redis answers")
            yield client

    def redis_client(self) -> "Redis":
        """Return a client of the Redis that runs on this ``var``."""
        return Redis.from_url(self.redis_url)

    def _remove_sockets(self) -> None:
        shutil.rmtree(embedded_redis.socket_folder(self.var), ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nobody listens on just now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def installation(*, migrate: bool = True, **settings: str) -> Iterator[Installation]:
    """Make a private installation, with a migrated database; remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="quantai-bench-"))
    found = Installation(folder, **settings)
    try:
        found.var.mkdir()
        if migrate:
            found.manage("migrate", "--verbosity", "0")
        yield found
    finally:
        if not found.keep:
            shutil.rmtree(folder, ignore_errors=True)
