"""supervisord as a child of ``up``, and the conversation with it."""

import http.client
import signal
import subprocess
import sys
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from quantai_site.site_settings import BASE_DIR
from quantai_site.supervision.process_table import Observation
from quantai_site.supervision.programs import CHILD

WAIT = False
UNREACHABLE = (OSError, http.client.HTTPException, xmlrpc.client.Error)


class Supervisor:
    """A supervisord in a session of its own; it ends when this process ends."""

    def __init__(
        self, *, config: Path, socket: Path, lock: int, environment: dict[str, str]
    ) -> None:
        self._config = config
        self._socket = socket
        self._lock = lock
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._proxy: Any = None

    def start(self) -> int:
        """Start it and return the descriptor its children's output comes from.

        Must be called from the main thread: the kernel ties the end of the child
        to the thread that made it.
        """
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(CHILD)),
                *(sys.executable, "-m", "supervisor.supervisord"),
                *("-c", str(self._config)),
            ],
            cwd=BASE_DIR,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(self._lock,),
            start_new_session=True,
        )
        self._proxy = self._connect()
        if self._process.stdout is None:
            raise RuntimeError("supervisord was started without a pipe")
        return self._process.stdout.fileno()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def observe(self) -> list[Observation] | None:
        """All processes, or None while supervisord does not answer."""
        infos = self._ask(lambda: self._proxy.getAllProcessInfo())
        if not isinstance(infos, list):
            return None
        return [
            Observation(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"],
                reason=_reason(info["spawnerr"], info["exitstatus"]),
            )
            for info in infos
        ]

    def start_program(self, name: str) -> bool:
        """Ask for a start without waiting for it; False when nobody answered."""
        return self._ask(lambda: self._proxy.startProcess(name, WAIT)) is not None

    def stop_program(self, name: str) -> bool:
        """Ask for a stop without waiting for it; False when nobody answered."""
        return self._ask(lambda: self._proxy.stopProcess(name, WAIT)) is not None

    def terminate(self) -> None:
        """Let supervisord stop what is left, then itself."""
        if self.alive and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        if self.alive and self._process is not None:
            self._process.kill()

    def wait(self, seconds: float) -> bool:
        """Whether it ended within the time."""
        if self._process is None:
            return True
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except xmlrpc.client.Fault:
            # Already started, already stopped, not existing: the table shows it.
            return False
        except UNREACHABLE:
            # A connection that failed once refuses every later request.
            self._proxy = self._connect()
            return None

    def _connect(self) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        url = "http://localhost"
        return xmlrpc.client.ServerProxy(url, transport=transport).supervisor


def _reason(spawn_error: str, status: int) -> str:
    """Why a process is not running, in supervisor's words without its advice."""
    said = spawn_error.partition(" (process log")[0].lower()
    return said or (f"exit status {status}" if status else "")
