"""A finished model as files: weights without pickle, and all it takes to use them.

``weights.safetensors`` and ``version.json``. The folder appears whole or not at all.
"""

import dataclasses
import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from core.errors import InvalidInput
from training.engine.build import build_model
from training.engine.config import ModelConfig, Shape, WindowConfig
from training.engine.data import Standardizer

FORMAT = 1
WEIGHTS, FACTS = "weights.safetensors", "version.json"


@dataclass(frozen=True)
class SavedModel:
    """A model with what its forecasts need; ``facts`` are JSON values for people.

    ``columns``: targets first, then features, in the order of the data.
    """

    model: nn.Module
    config: ModelConfig
    shape: Shape
    columns: tuple[str, ...]
    standardizer: Standardizer
    facts: dict[str, Any] = field(default_factory=dict)


def save_model(folder: Path, saved: SavedModel) -> str:
    """Write the folder, which must not exist; returns the SHA-256 of the weights."""
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    try:
        state = {k: v.detach().contiguous().cpu() for k, v in _state(saved.model)}
        save_file(state, draft / WEIGHTS)
        digest = sha256_of(draft / WEIGHTS)
        text = json.dumps(_document(saved, digest), indent=1, allow_nan=False)
        (draft / FACTS).write_text(text)
        for path in draft.iterdir():
            _sync(path)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    _sync(folder.parent)
    return digest


def load_model(folder: Path, *, sha256: str = "") -> SavedModel:
    """Read a folder back; forecasts are equal to the bit.

    Raises ``InvalidInput`` when the weights are not those that were saved (``sha256``:
    what the database says of them), for another format, and for files that lack
    something; ``OSError`` when they are not there.
    """
    try:
        document = json.loads((folder / FACTS).read_text())
        return _checked(document, folder, sha256)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            "version", str(folder / FACTS), f"is not whole: {error!r}"
        ) from error


def _checked(document: dict[str, Any], folder: Path, sha256: str) -> SavedModel:
    wanted: Any = document.get("format")
    read = READERS.get(wanted)
    if read is None:
        known = ", ".join(str(one) for one in READERS)
        raise InvalidInput("format", document.get("format"), f"must be one of {known}")
    found = sha256_of(folder / WEIGHTS)
    for wanted in (document["sha256"], sha256):
        if wanted and wanted != found:
            raise InvalidInput(
                "weights", str(folder / WEIGHTS), "are not the ones that were saved"
            )
    saved: SavedModel = read(document)
    try:
        saved.model.load_state_dict(load_file(folder / WEIGHTS), strict=True)
    except (RuntimeError, SafetensorError) as error:
        raise InvalidInput("weights", str(folder / WEIGHTS), str(error)) from error
    saved.model.eval()
    return saved


def sha256_of(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state(model: nn.Module) -> list[tuple[str, Any]]:
    return list(model.state_dict().items())


def _document(saved: SavedModel, digest: str) -> dict[str, Any]:
    shape = dataclasses.asdict(saved.shape)
    return {
        "format": FORMAT,
        "sha256": digest,
        "model": dataclasses.asdict(saved.config),
        "shape": shape,
        "columns": list(saved.columns),
        "standardizer": {
            "mean": saved.standardizer.mean.tolist(),
            "deviation": saved.standardizer.deviation.tolist(),
        },
        "facts": saved.facts,
    }


def _read_first(document: dict[str, Any]) -> SavedModel:
    shape = dict(document["shape"])
    shape["window"] = WindowConfig(**shape["window"])
    config, made = ModelConfig(**document["model"]), Shape(**shape)
    scale = document["standardizer"]
    return SavedModel(
        model=build_model(config, made),
        config=config,
        shape=made,
        columns=tuple(document["columns"]),
        standardizer=Standardizer(
            np.array(scale["mean"]), np.array(scale["deviation"])
        ),
        facts=document["facts"],
    )


# Every format that was ever written stays readable.
READERS = {1: _read_first}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
