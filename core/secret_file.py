"""Secrets that are kept in a file only the owner can read."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def read_or_create(path: Path, *, make: Callable[[], str]) -> str:
    """Return the secret in ``path``; the first caller of all makes it."""
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path):
        if not path.exists():
            replace(path, make())
        return path.read_text(encoding="ascii")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One writer of the file at a time on this machine."""
    with path.with_name(f"{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # A writer that was killed left its draft, which holds secrets.
        _draft(path).unlink(missing_ok=True)
        yield


def _draft(path: Path) -> Path:
    return path.with_name(f"{path.name}.draft")


def replace(path: Path, text: str) -> None:
    """Write the whole file at once; it is on disk then. Only inside ``alone``."""
    draft = _draft(path)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
