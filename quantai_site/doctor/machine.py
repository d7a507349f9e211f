"""Checks of this machine: Python, packages, disk, Redis program, port."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from quantai_site import embedded_redis
from quantai_site.config_sources import held
from quantai_site.doctor.findings import Finding, fail, ok, warn
from quantai_site.site_settings import BASE_DIR, SiteSettings
from quantai_site.supervision import ports

NETWORK_DISKS = {"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"}
MEMORY_DISKS = {"tmpfs", "ramfs", "overlay"}
LOW_BYTES = 2 * 2**30
TOO_LOW_BYTES = 200 * 2**20


def check_python() -> Finding:
    fact = f"{platform.python_version()} in {sys.prefix}"
    if (3, 11) <= sys.version_info[:2] <= (3, 12):
        return ok("python", fact)
    return fail("python", fact, "use Python 3.11 or 3.12")


def check_packages() -> Finding:
    wrong = list(_wrong_packages(BASE_DIR / "requirements.txt"))
    if wrong:
        return fail("packages", "; ".join(wrong), "run ./quantai up once more")
    return ok("packages", "all pins of requirements.txt are installed")


def _wrong_packages(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if not text:
            continue
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            yield f"{wanted.name} is missing"
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            yield f"{wanted.name} is {found}, wanted {wanted.specifier}"


def check_var(site: SiteSettings) -> Finding:
    try:
        site.var.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=site.var) as probe:
            probe.write(b"x")
    except OSError as error:
        return fail(
            "var", f"{site.var}: {error.strerror}", "give QUANTAI_VAR a writable folder"
        )
    kind = _disk_kind(site.var)
    if kind in NETWORK_DISKS and not site.database_url:
        return fail(
            "var",
            f"{site.var} is on a network disk ({kind})",
            "SQLite needs a local disk: move QUANTAI_VAR or set DATABASE_URL",
        )
    if kind in MEMORY_DISKS:
        return warn(
            "var",
            f"{site.var} is on an ephemeral disk ({kind})",
            "what is stored is lost with the machine: mount a lasting disk",
        )
    return ok("var", f"{site.var} is writable ({kind or 'local disk'})")


def _disk_kind(folder: Path) -> str:
    """File system type of the innermost mount that holds ``folder``."""
    mounts = [
        (len(part.mountpoint), part.fstype)
        for part in psutil.disk_partitions(all=True)
        if folder.resolve().is_relative_to(part.mountpoint)
    ]
    return max(mounts, default=(0, ""))[1]


def check_disk(site: SiteSettings) -> Finding:
    free = shutil.disk_usage(site.var if site.var.exists() else BASE_DIR).free
    fact = f"{free / 2**30:.1f} GiB free"
    if free < TOO_LOW_BYTES:
        return fail("disk", fact, "free some space: databases break on a full disk")
    if free < LOW_BYTES:
        return warn("disk", fact, "candles grow by about 10 MB a day")
    return ok("disk", fact)


def check_redis_program() -> Finding:
    try:
        return ok("redis", f"program {embedded_redis.binary()}")
    except embedded_redis.RedisUnavailableError as error:
        return fail("redis", str(error), "set REDIS_URL")


def check_port(site: SiteSettings) -> Finding:
    fact = f"{site.host}:{site.port}"
    if held(site.run_dir / "lock"):
        return ok("port", f"{fact} belongs to the running installation")
    try:
        ports.choose(site.host, site.port)
    except ports.PortTakenError as error:
        return fail("port", str(error), "stop the other program or choose another")
    return ok("port", f"{fact} is free")
