"""A real ``./quantai up`` on a private folder, watched over REST with a token."""

import json
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from benchmarks.installation import Installation
from benchmarks.processes import (
    END_SECONDS,
    TAIL_LINES,
    until,
)
from core.benchmark import MeasurementError
from quantai_site.site_settings import BASE_DIR

PATIENCE_SECONDS = 90.0
KLINE_STREAMS = 280
PAGE = "accounts/login/"
OPEN = re.compile(r"Open (http://\S+)")


class Product:
    """One running ``up``."""

    def __init__(self, where: Installation, token: str) -> None:
        self._log = where.folder / "up.log"
        self._token = token
        self._runtime = where.var / "run" / "runtime.json"
        self.begun = time.perf_counter()
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [str(BASE_DIR / "quantai"), "up", "--port", "0", "--var", where.var],
                env=where.environment,
                cwd=where.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._url = ""

    @property
    def port(self) -> int:
        """Port of the web server."""
        return int(self._url.rstrip("/").rpartition(":")[2])

    def wait_for_page(self) -> None:
        """Wait until the login page is served."""

        def served() -> bool:
            self._check()
            try:
                self._url = self._read_runtime()["web_url"]
                with urllib.request.urlopen(self._url + PAGE, timeout=5) as answer:
                    return bool(answer.status == 200)
            except (OSError, KeyError, ValueError):
                return False

        until(served, seconds=PATIENCE_SECONDS, what="the page", tail=self.tail)

    def get(self, path: str) -> Any:
        """Return the JSON of ``/api/v1/PATH``; raises ``OSError``."""
        request = urllib.request.Request(
            f"{self._url}api/v1/{path}",
            headers={"Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send JSON to ``/api/v1/PATH`` and return the answer; raises ``OSError``."""
        request = urllib.request.Request(
            f"{self._url}api/v1/{path}",
            data=json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise self.failure(f"{path}: {error.read().decode()[:2000]}") from error

    def failure(self, text: str) -> MeasurementError:
        """Return an error with the end of what was said."""
        return MeasurementError(f"{text}\n{self.tail()}")

    def totals(self) -> dict[str, Any]:
        """Return the totals of the connections; empty while there are none."""
        self._check()
        try:
            found: dict[str, Any] = self.get("market/connections")["totals"]
        except OSError:
            return {}
        return found

    def processes(self) -> dict[str, psutil.Process]:
        """Return the processes of this run by name."""
        return {
            name: psutil.Process(pid)
            for name, pid in self._read_runtime()["pids"].items()
        }

    def family(self) -> list[psutil.Process]:
        """Return everything this run started, itself included."""
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    def interrupt(self) -> None:
        """Press Ctrl-C and wait until every process is gone."""
        below = self.family()
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE_SECONDS)
        _, alive = psutil.wait_procs(below, timeout=END_SECONDS)
        if alive:
            raise MeasurementError(f"{len(alive)} processes left after Ctrl-C")

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self._process.poll() is not None:
            return
        below = self.family()
        self._process.send_signal(signal.SIGTERM)
        psutil.wait_procs(below, timeout=2 * END_SECONDS)
        for process in below:
            if process.is_running():
                process.kill()
        self._process.wait(END_SECONDS)

    def _read_runtime(self) -> Any:
        return json.loads(self._runtime.read_text())

    def _check(self) -> None:
        if self._process.poll() is not None:
            raise MeasurementError(f"up ended:\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of what it said."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])


@contextmanager
def running_product(where: Installation, token: str = "") -> Iterator[Product]:
    """Start ``up`` and end it with the block; the page is served then."""
    product = Product(where, token or make_token(where))
    try:
        product.wait_for_page()
        yield product
    finally:
        product.end()


def make_token(where: Installation, scope: str = "read") -> str:
    """Return a token of the administrator that may read, or what ``scope`` says."""
    where.manage("shell", "-c", "from accounts.services import admin_create as a; a()")
    return where.manage("api_token", "admin", "--scope", scope).splitlines()[-1]


def full_load(product: Product, streams: int = KLINE_STREAMS) -> None:
    """Wait until every kline stream is live and none is silent."""

    def all_live() -> bool:
        totals = product.totals()
        live, silent = totals.get("kline_streams_live"), totals.get("streams_silent")
        return silent == 0 and live is not None and int(live) >= streams

    until(
        all_live,
        seconds=PATIENCE_SECONDS,
        what=f"{streams} kline streams live, none silent",
        tail=product.tail,
    )
