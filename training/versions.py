"""Finished models kept as versions: a row, and a folder below ``var/models``.

torch is loaded only by what reads or writes weights.
"""

import shutil
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction

from core.errors import InvalidInput
from training.models import ModelVersion, Trial

if TYPE_CHECKING:
    from training.engine.config import WindowConfig
    from training.engine.saved import SavedModel


def models_folder() -> Path:
    """Return the folder that all versions lie in."""
    folder: Path = settings.QUANTAI.site.var / "models"
    return folder


def folder_of(version: ModelVersion) -> Path:
    """Return where a version lies."""
    return models_folder() / version.folder


def version_save(
    *,
    venue: str,
    name: str,
    saved: "SavedModel",
    trial: Trial | None = None,
    data: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    actor: str = "",
) -> ModelVersion:
    """Keep a model; its row appears when its files are whole.

    A name that exists is refused with ``InvalidInput``; files without a row, which a
    crash between the two leaves, are written anew.
    """
    from training.engine.saved import WEIGHTS, save_model

    _check_name(venue, name)
    # Told by the row and by the files alike.
    shared = {
        "venue": venue,
        "name": name,
        "data": data or {},
        "metrics": metrics or {},
        "code_version": settings.VERSION,
        "created_at": time.time_ns() // 1_000_000,
    }
    folder = models_folder() / venue / name
    draft = folder.with_name(f".{uuid.uuid4().hex}")
    try:
        digest = save_model(draft, replace(saved, facts={**saved.facts, **shared}))
        # The row's name is unique: who has it has the folder, too.
        with transaction.atomic():
            version = ModelVersion.objects.create(
                **shared,
                trial=trial,
                folder=f"{venue}/{name}",
                sha256=digest,
                size_bytes=(draft / WEIGHTS).stat().st_size,
                config={
                    "model": vars(saved.config),
                    "window": vars(saved.shape.window),
                    "target_kind": saved.shape.target_kind,
                },
                features=list(saved.columns),
                created_by=actor,
            )
            if folder.exists():
                shutil.rmtree(folder)
            draft.rename(folder)
    except IntegrityError as error:
        raise InvalidInput("name", name, f"is taken on {venue}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return version


def _check_name(venue: str, name: str) -> None:
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise InvalidInput("name", name, "letters, digits, dots, - and _ only")
    if ModelVersion.objects.filter(venue=venue, name=name).exists():
        raise InvalidInput("name", name, f"is taken on {venue}")


def version_load(version: ModelVersion) -> "SavedModel":
    """Return the model of a version; raises ``InvalidInput`` for changed weights."""
    from training.engine.saved import load_model

    return load_model(folder_of(version), sha256=version.sha256)


def version_import(
    *,
    venue: str,
    name: str,
    path: Path,
    window: "WindowConfig",
    heads: int,
    columns: tuple[str, ...] = (),
    actor: str = "",
) -> ModelVersion:
    """Take in the state dict of an older model.

    It knows neither its columns nor its scaling: columns are numbered unless given, and
    values are expected to be scaled already (mean 0, deviation 1).
    """
    import numpy as np

    from training.engine.data import Standardizer
    from training.engine.older_weights import model_of, read_state
    from training.engine.saved import SavedModel

    model, config, shape = model_of(read_state(path), window=window, heads=heads)
    names = columns or tuple(f"column_{at}" for at in range(shape.features))
    if len(names) != shape.features:
        raise InvalidInput("columns", names, f"the weights are for {shape.features}")
    saved = SavedModel(
        model=model,
        config=config,
        shape=shape,
        columns=names,
        standardizer=Standardizer(np.zeros(len(names)), np.ones(len(names))),
        facts={"imported_from": path.name},
    )
    return version_save(venue=venue, name=name, saved=saved, actor=actor)


def version_delete(version: ModelVersion) -> None:
    """Delete row and files; an active version is refused with ``InvalidInput``."""
    if version.stage == "active":
        raise InvalidInput("version", version.name, "is active; retire it first")
    folder = folder_of(version)
    with transaction.atomic():
        version.delete()
        # The row comes back when the files cannot be removed.
        if folder.exists():
            shutil.rmtree(folder)
