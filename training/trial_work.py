"""The work of a real trial: data, model, training, and what is kept of it."""

import logging
import re
from pathlib import Path
from typing import Any

import optuna
import torch
from django.conf import settings

from core.errors import InvalidInput
from market.domain.candles import INTERVAL_MS
from training import datasets, recorder, search, services, versions
from training.engine.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from training.engine.errors import (
    NonFiniteLoss,
    OutOfMemory,
    ScaleFloorReached,
    TrainingStopped,
)
from training.engine.evaluate import evaluate
from training.engine.results import EpochResult
from training.engine.saved import SavedModel
from training.engine.scaler import DynamicGradScalerConfig
from training.models import Study, Trial
from training.optimizer import (
    Beginning,
    HyperparameterOptimizer,
    Observer,
    Trained,
)
from training.search import TrialEnded
from training.study_search import checkpoint_file
from training.trial_process import CUT_OFF, RunningTrial

log = logging.getLogger(__name__)


def train_trial(running: RunningTrial) -> float:
    """Train the trial's model; returns its best validation loss."""
    threads = settings.QUANTAI.training.threads
    if threads:
        torch.set_num_threads(threads)
    observer = _Recorded(running)
    try:
        value = _value(running, observer)
    except CUT_OFF:
        raise
    except TrialEnded as ended:
        if ended.how != search.INTERRUPTED:
            observer.forget()
        raise
    except Exception:
        observer.forget()
        raise
    observer.forget()
    return value


def _value(running: RunningTrial, observer: "_Recorded") -> float:
    """Train; what ends a training early is told as what it means for the search."""
    try:
        return _optimizer(running).objective(running.trial, observer)
    except TrainingStopped as stopped:
        raise TrialEnded(search.INTERRUPTED, stopped.reason) from stopped
    except (NonFiniteLoss, ScaleFloorReached) as useless:
        raise optuna.TrialPruned(useless.reason) from useless
    except OutOfMemory as full:
        raise TrialEnded(search.OUT_OF_MEMORY, full.reason) from full
    except (torch.OutOfMemoryError, MemoryError) as full:
        text = f"no memory for the data or the model: {full}".splitlines()[0]
        raise TrialEnded(search.OUT_OF_MEMORY, text) from full


def _optimizer(running: RunningTrial) -> HyperparameterOptimizer:
    """Read the study's data; refused data ends the study."""
    study, spec = running.study, running.spec
    try:
        data = datasets.study_data(spec, venue=study.venue)
    except InvalidInput as refused:
        reason = f"the data is refused: {refused}"
        services.study_fail(study_id=study.id, reason=reason)
        raise TrialEnded(search.FAILED, reason) from refused
    if not study.data:
        services.study_data_set(study_id=study.id, data=data.summary())
    return HyperparameterOptimizer(
        spec,
        data.series(),
        borders=data.borders(spec),
        device=running.device,
        scaler_config=DynamicGradScalerConfig(
            **settings.QUANTAI.grad_scaler.model_dump()
        ),
    )


class _Recorded(Observer):
    """Writes rows and checkpoints; an epoch's row before the state that follows it."""

    def __init__(self, running: RunningTrial) -> None:
        self._running = running
        self._file = checkpoint_file(running.study.id, running.number)
        self._older = [
            checkpoint_file(running.study.id, number)
            for number in reversed(running.history)
        ]
        self._state: Checkpoint | None = None
        self.resume = self._find() if running.goes_on else None

    def _find(self) -> Checkpoint | None:
        for file in self._older:
            if file.exists():
                return load_checkpoint(file)
        return None

    def begins(self, beginning: Beginning) -> None:
        train = beginning.spec.train
        self._running.begins(
            epochs_wanted=train.epochs,
            batch_size=train.batch_size,
            parameters=beginning.parameters,
            init_scale=beginning.init_scale,
            device=train.device,
            precision=train.precision,
            first_epoch=beginning.first_epoch,
        )

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        self._state = checkpoint

    def epoch(self, result: EpochResult) -> None:
        row = self._running.row_id
        assert row is not None
        if not recorder.epoch_recorded(trial_id=row, result=result):
            raise TrialEnded(search.INTERRUPTED, "its row says that it has ended")
        if self._state is not None:
            save_checkpoint(self._file, self._state)
            _remove(self._older)

    def trained(self, trained: Trained) -> None:
        """Judge the model on unseen bars and keep it as a version."""
        spec, splits = trained.spec, trained.splits
        metrics = evaluate(trained.model, splits, step_ms=INTERVAL_MS[spec.interval])
        running = self._running
        saved = SavedModel(
            model=trained.model,
            config=spec.model,
            shape=splits.shape,
            columns=splits.columns,
            standardizer=splits.standardizer,
            facts={"spec": spec.to_dict(), "validation_loss": trained.value},
        )
        version = versions.version_save(
            venue=running.study.venue,
            name=_version_name(running),
            saved=saved,
            trial=Trial.objects.get(study=running.study, number=running.number),
            data=Study.objects.get(id=running.study.id).data,
            metrics={
                "validation_loss": trained.value,
                "test": metrics["test"],
                "strategy": _without_curve(metrics["strategies"]["model"]),
            },
        )
        log.info("model %s kept, %d bytes", version.name, version.size_bytes)
        running.trial.set_user_attr(
            search.METRICS, {**metrics, "version": version.name}
        )

    def stop(self) -> str | None:
        return self._running.stop()

    def forget(self) -> None:
        """The trial is not gone on with: its checkpoints are of no use any more."""
        _remove([self._file, *self._older])


def _without_curve(report: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name != "equity"}


def _version_name(running: RunningTrial) -> str:
    """A name that no other trial has, made of the study's."""
    slug = re.sub(r"[^A-Za-z0-9_.]+", "-", running.study.name).strip("-") or "study"
    return f"{slug[:60]}-{running.study.id}-{running.number}"


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
