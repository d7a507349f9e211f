"""Checkpoints: written whole or not at all, read without running anything in them."""

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from core.errors import InvalidInput

FORMAT = 1
Checkpoint = dict[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the file; a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            torch.save({"format": FORMAT, **checkpoint}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_checkpoint(path: Path) -> Checkpoint:
    """Return what was saved; tensors and plain values only, no pickled code.

    Raises ``InvalidInput`` for another format and for a file that is torn or holds
    anything else, ``OSError`` when there is none.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, KeyError) as error:
        why = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InvalidInput("checkpoint", str(path), f"is none: {why}") from error
    found = checkpoint.get("format") if isinstance(checkpoint, dict) else None
    if found != FORMAT:
        raise InvalidInput("format", found, f"this version reads format {FORMAT}")
    whole: Checkpoint = checkpoint
    return whole
