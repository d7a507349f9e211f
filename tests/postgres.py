"""A private PostgreSQL for the tests: ``python -m tests.postgres COMMAND …``.

Makes a cluster in a temporary folder, reachable through a unix socket only, runs the
command with ``DATABASE_URL`` set, and removes it. Without PostgreSQL on this machine
the command is skipped with one line; with ``CI=true`` that is an error.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PORT = 54329  # names the socket file; no TCP port is opened
USER = "quantai"


def programs() -> Path | None:
    """Folder of initdb and pg_ctl, the newest version first."""
    candidates = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: float(path.parent.name),
        reverse=True,
    )
    found = shutil.which("initdb")
    if found:
        candidates.append(Path(found).resolve().parent)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return None


def as_owner(*command: str) -> list[str]:
    """PostgreSQL refuses to run as root: use its own user then."""
    if os.geteuid() == 0:
        return ["runuser", "-u", "postgres", "--", *command]
    return list(command)


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Run a cluster of its own and give its ``DATABASE_URL``."""
    base = Path(tempfile.mkdtemp(prefix="qpg-", dir="/tmp"))
    data = base / "data"
    try:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(base, owner.pw_uid, owner.pw_gid)
        _run(str(folder / "initdb"), "-D", str(data), "-U", USER, "-A", "trust")
        options = (
            f"-c listen_addresses='' -c port={PORT} -c unix_socket_directories={base} "
            "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        )
        control = (str(folder / "pg_ctl"), "-D", str(data), "-w")
        _run(*control, "-o", options, "-l", str(base / "log"), "start")
        try:
            yield f"postgres://{USER}@/postgres?host={base}&port={PORT}"
        finally:
            _run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _run(*command: str) -> None:
    subprocess.run(
        as_owner(*command), check=True, stdout=subprocess.DEVNULL, cwd="/tmp"
    )


def main(command: list[str]) -> int:
    folder = programs()
    if folder is None:
        print("SKIPPED: no PostgreSQL (initdb, pg_ctl) on this machine")
        return 1 if os.environ.get("CI") == "true" else 0
    with cluster(folder) as url:
        environment = {**os.environ, "DATABASE_URL": url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
