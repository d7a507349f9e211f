"""Secrets that are made once and kept in a file only the owner can read."""

import os
from collections.abc import Callable
from pathlib import Path


def read_or_create(path: Path, *, make: Callable[[], str]) -> str:
    """Return the secret in ``path``; the first caller of all makes it."""
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(make())
    try:
        # A hard link appears whole and only once, whoever else starts now.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii")
