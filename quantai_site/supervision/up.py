"""``quantai up``: start everything, watch it, stop everything."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quantai_site import config, embedded_redis
from quantai_site.site_settings import SiteSettings
from quantai_site.supervision import orphans, page, ports, runtime_file
from quantai_site.supervision.process_table import ProcessTable
from quantai_site.supervision.programs import Plan, Program, programs, supervisor_file
from quantai_site.supervision.relay import Relay
from quantai_site.supervision.run_lock import RunLock
from quantai_site.supervision.supervisor import Supervisor

POLL_SECONDS = 0.2
CALM_POLL_SECONDS = 1.0
# Then a program starts although what it waits for does not listen.
PATIENCE_SECONDS = 15.0
STOP_SECONDS = 5.0
LAST_SECONDS = 2.0
STOPPED = {"STOPPED", "EXITED", "FATAL"}


@dataclass(frozen=True)
class Start:
    """What ``up`` was asked for. ``prepare`` migrates and returns lines to show."""

    site: SiteSettings
    redis_is_embedded: bool
    simulator_ports: tuple[int, int]
    simulator_ca: Path
    as_host: str
    prepare: Callable[[], list[str]]
    training_workers: int = 1


@dataclass
class Up:
    """One run of ``up``; ``run`` returns the exit status."""

    start: Start
    relay: Relay
    _table: ProcessTable = field(default_factory=ProcessTable)
    _asked: threading.Event = field(default_factory=threading.Event)
    _signals: int = 0
    _opened: bool = False
    _facts: dict[str, Any] = field(default_factory=dict)
    _waiting: list[Program] = field(default_factory=list)
    _patience_ends: float = 0.0

    def run(self) -> int:
        """Raises ``AlreadyRunningError``, ``PortTakenError``, ``RedisUnavailableError``
        before anything is started.
        """
        site = self.start.site
        lock = RunLock(site.run_dir / "lock")
        descriptor = lock.acquire()
        try:
            self._plan = self._make_plan()
            self._programs = programs(self._plan)
            self._supervisor = self._make_supervisor(descriptor)
            self._facts = self._runtime_facts()
            runtime_file.write(site.run_dir, self._facts)
            orphans.adopt()
            orphans.allow_many_files()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, self._on_signal)
            self.relay.start()
            return self._run_processes()
        finally:
            runtime_file.remove(site.run_dir)
            lock.release()

    def _run_processes(self) -> int:
        try:
            self._start_supervisor()
            for line in self.start.prepare():
                self.relay.say(line)
            self._let_programs_wait()
            self._watch()
        finally:
            self._stop()
        return 0

    def _make_plan(self) -> Plan:
        site = self.start.site
        port = ports.choose(site.host, site.port)
        tls, plain = self.start.simulator_ports
        simulated = site.exchange == "simulator"
        return Plan(
            exchange=site.exchange,
            host=site.host,
            port=port,
            web=site.web,
            redis_command=tuple(embedded_redis.command(site))
            if self.start.redis_is_embedded
            else (),
            simulator_port=ports.choose("127.0.0.1", tls) if simulated else 0,
            simulator_plain_port=ports.choose("127.0.0.1", plain) if simulated else 0,
            feeds=site.feeds,
            workers=self.start.training_workers,
        )

    def _runtime_facts(self) -> dict[str, Any]:
        site, plan = self.start.site, self._plan
        facts: dict[str, Any] = {
            "exchange": site.exchange,
            "host": plan.host,
            "port": plan.port,
            "web_url": f"http://{_in_url(plan.host)}:{plan.port}/",
            "pids": {"up": os.getpid()},
        }
        if self.start.redis_is_embedded:
            facts["redis_url"] = embedded_redis.url(site.var)
        if plan.simulator_port:
            facts["simulator_url"] = f"https://127.0.0.1:{plan.simulator_port}"
            facts["simulator_ca"] = str(self.start.simulator_ca)
        return facts

    def _make_supervisor(self, lock: int) -> Supervisor:
        site = self.start.site
        sockets = embedded_redis.make_socket_folder(site.var)
        path = site.run_dir / "supervisord.conf"
        path.write_text(
            supervisor_file(self._programs, sockets=sockets, run_dir=site.run_dir),
            encoding="utf-8",
        )
        return Supervisor(
            config=path,
            socket=sockets / "supervisor.sock",
            lock=lock,
            environment=config.child_environment(
                {
                    "QUANTAI_VAR": str(site.var),
                    "EXCHANGE": site.exchange,
                    "HOST": site.host,
                    "PORT": str(self._plan.port),
                    "PYTHONUNBUFFERED": "1",
                }
            ),
        )

    def _start_supervisor(self) -> None:
        self.relay.copy_from(self._supervisor.start())
        self._facts["pids"] = {"up": os.getpid(), "supervisord": self._supervisor.pid}

    def _let_programs_wait(self) -> None:
        self._waiting = [item for item in self._programs if item.needs_database]
        self._patience_ends = time.monotonic() + PATIENCE_SECONDS

    def _start_waiting_programs(self, now: float) -> None:
        """Start those whose condition holds; the others are asked again soon."""
        self._waiting = [
            item
            for item in self._waiting
            if not (
                self._may_start(item, now) and self._supervisor.start_program(item.name)
            )
        ]

    def _may_start(self, item: Program, now: float) -> bool:
        return (
            not item.after_port
            or now > self._patience_ends
            or ports.listening(item.after_port)
        )

    def _watch(self) -> None:
        while not self._asked.is_set() and not self.relay.broken.is_set():
            self._look()
            calm = self._opened and not self._waiting
            self._asked.wait(CALM_POLL_SECONDS if calm else POLL_SECONDS)

    def _look(self) -> None:
        now = time.monotonic()
        orphans.reap(but=self._supervisor.pid)
        if not self._supervisor.alive:
            self._replace_supervisor()
            return
        self._start_waiting_programs(now)
        found = self._supervisor.observe()
        if found is not None:
            lines = self._table.observe(found, now)
            for line in lines:
                self.relay.say(line)
            if lines:
                self._note_pids()
        for name in self._table.due(now):
            self._supervisor.start_program(name)
        if not self._opened:
            self._open()

    def _open(self) -> None:
        plan = self._plan
        if page.answers(plan.host, plan.port, as_host=self.start.as_host):
            self._opened = True
            self.relay.say(f"Open {self._facts['web_url']}")

    def _note_pids(self) -> None:
        self._facts["pids"] = {
            "up": os.getpid(),
            "supervisord": self._supervisor.pid,
            **self._table.pids(),
        }
        runtime_file.write(self.start.site.run_dir, self._facts)

    def _replace_supervisor(self) -> None:
        """supervisord died: its children end with it; start it all again."""
        self.relay.say("supervisord died; everything starts again")
        orphans.end(orphans.descendants(), LAST_SECONDS)
        orphans.reap(but=self._supervisor.pid)
        self._opened = False
        self._start_supervisor()
        self._let_programs_wait()

    def _on_signal(self, number: int, frame: object) -> None:
        self._signals += 1
        self._asked.set()

    def _stop(self) -> None:
        """First what uses the others, then the others with supervisord."""
        self.relay.say("stopping")
        below = orphans.descendants()
        deadline = time.monotonic() + STOP_SECONDS
        users = {item.name for item in self._programs if item.needs_database}
        self._stop_programs(users, deadline)
        self._stop_programs({item.name for item in self._programs} - users, deadline)
        self._end_supervisor()
        killed = orphans.end([item for item in below if item.is_running()], 0.5)
        orphans.reap(but=0)
        self._remove_sockets()
        self.relay.say(f"stopped ({killed} killed)" if killed else "stopped")
        self.relay.finish(1.0)

    def _end_supervisor(self) -> None:
        self._supervisor.terminate()
        deadline = time.monotonic() + LAST_SECONDS
        while self._supervisor.alive and time.monotonic() < deadline:
            # It looks at its signals once a second, or when somebody asks it.
            self._supervisor.observe()
            time.sleep(POLL_SECONDS / 4)
        self._supervisor.kill()
        self._supervisor.wait(LAST_SECONDS)

    def _stop_programs(self, names: set[str], deadline: float) -> None:
        """Stop these at once; a second signal ends the patience."""
        for name in names:
            self._supervisor.stop_program(name)
        while self._any_runs(names) and time.monotonic() < deadline:
            if self._signals > 1:
                return
            time.sleep(POLL_SECONDS / 4)

    def _any_runs(self, names: set[str]) -> bool:
        found = self._supervisor.observe()
        if found is None:
            return False
        for line in self._table.observe(found, time.monotonic()):
            self.relay.say(line)
        return any(item.state not in STOPPED for item in found if item.name in names)

    def _remove_sockets(self) -> None:
        folder = embedded_redis.socket_folder(self.start.site.var)
        for name in ("redis.sock", "supervisor.sock"):
            (folder / name).unlink(missing_ok=True)
        try:
            folder.rmdir()
        except OSError as error:
            self.relay.say(f"{folder} stays: {error.strerror}")


def _in_url(host: str) -> str:
    return f"[{host.strip('[]')}]" if ":" in host else host
