"""Where a running simulator listens, written into its state folder for other processes."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Listening:
    """URLs of the TLS and the plain port, and the process."""

    secure: str
    plain: str
    pid: int


def _file(state_dir: Path) -> Path:
    return state_dir / "listening.json"


@contextlib.contextmanager
def announced(state_dir: Path, secure: str, plain: str) -> Iterator[None]:
    """Say so until the block ends."""
    file = _file(state_dir)
    draft = file.with_suffix(".tmp")
    draft.write_text(json.dumps(asdict(Listening(secure, plain, os.getpid()))))
    draft.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def read_listening(state_dir: Path) -> Listening | None:
    """None when no simulator runs there (one that was killed does not count)."""
    try:
        found = Listening(**json.loads(_file(state_dir).read_text()))
        os.kill(found.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return found
