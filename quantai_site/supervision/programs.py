"""Which processes an installation has, and the supervisor file that runs them."""

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from quantai_site.site_settings import BASE_DIR

START_SECONDS = 3
START_TRIES = 4
STOP_SECONDS = 4
CHILD = BASE_DIR / "core" / "child.py"


@dataclass(frozen=True)
class Program:
    """One child process.

    ``needs_database`` ones start when the migrations are done, and when something
    listens on the local port ``after_port`` (0 = at once); lower ``priority`` starts
    earlier and stops later.
    """

    name: str
    command: tuple[str, ...]
    priority: int
    needs_database: bool = False
    after_port: int = 0


@dataclass(frozen=True)
class Plan:
    """Facts the processes of one start have in common."""

    exchange: str
    host: str
    port: int
    web: str
    redis_command: tuple[str, ...]
    simulator_port: int = 0
    simulator_plain_port: int = 0
    feeds: int = 1
    workers: int = 1


def programs(plan: Plan) -> list[Program]:
    """The processes that this plan needs, in the order of starting."""
    found = []
    if plan.redis_command:
        found.append(Program("redis", plan.redis_command, 10))
    if plan.exchange == "simulator":
        arguments = [f"--port={plan.simulator_port}"]
        arguments.append(f"--plain-port={plan.simulator_plain_port}")
        found.append(Program("simulator", manage("run_simulator", *arguments), 20))
    web = ("run_web", f"--host={plan.host}", f"--port={plan.port}", f"--web={plan.web}")
    found.append(Program("web", manage(*web), 30, needs_database=True))
    # Dialling an exchange that is still starting would fail, and cost a retry delay.
    exchange = plan.simulator_port if plan.exchange == "simulator" else 0
    for number in range(1, plan.feeds + 1):
        name = "feed" if number == 1 else f"feed-{number}"
        feed = manage("run_feed", f"--name={name}")
        found.append(Program(name, feed, 40, needs_database=True, after_port=exchange))
    found.append(Program("scanner", manage("run_scanner"), 50, needs_database=True))
    trader = manage("run_trader")
    found.append(
        Program("trader", trader, 55, needs_database=True, after_port=exchange)
    )
    for number in range(1, plan.workers + 1):
        name = "worker" if number == 1 else f"worker-{number}"
        worker = manage("run_worker", "--queue=training", f"--name=worker-{number}")
        found.append(Program(name, worker, 60, needs_database=True))
    beat = manage("run_worker", "--queue=default", "--name=beat", "--beat")
    found.append(Program("beat", beat, 60, needs_database=True))
    return found


def manage(*arguments: str) -> tuple[str, ...]:
    """Command line of one of our management commands."""
    return (sys.executable, str(BASE_DIR / "manage.py"), *arguments)


def supervisor_file(found: list[Program], *, sockets: Path, run_dir: Path) -> str:
    """Text of the supervisord configuration."""
    parts = [
        "; Written by `quantai up` at every start.",
        "[unix_http_server]",
        f"file={_escaped(str(sockets / 'supervisor.sock'))}",
        "chmod=0600",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory="
        "supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        *(["user=root"] if os.geteuid() == 0 else []),
        f"pidfile={_escaped(str(run_dir / 'supervisord.pid'))}",
        f"logfile={_escaped(str(run_dir / 'supervisord.log'))}",
        "logfile_maxbytes=1MB",
        "logfile_backups=0",
        "minfds=256",
        "",
    ]
    for program in found:
        wrapped = (sys.executable, "-I", "-S", str(CHILD), *program.command)
        parts += [
            f"[program:{program.name}]",
            f"command={_escaped(shlex.join(wrapped))}",
            f"priority={program.priority}",
            f"autostart={'false' if program.needs_database else 'true'}",
            "autorestart=true",
            f"startsecs={START_SECONDS}",
            f"startretries={START_TRIES}",
            f"stopwaitsecs={STOP_SECONDS}",
            "stopasgroup=true",
            "killasgroup=true",
            "redirect_stderr=true",
            "stdout_logfile=/dev/fd/1",
            "stdout_logfile_maxbytes=0",
            "",
        ]
    return "\n".join(parts)


def _escaped(value: str) -> str:
    """Supervisor expands % expressions."""
    return value.replace("%", "%%")
