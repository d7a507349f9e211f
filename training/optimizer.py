"""The objective of a search: one trial from its parameters to its validation loss."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import optuna
from torch import nn

from core.errors import InvalidInput
from training import search
from training.engine.build import build_model
from training.engine.checkpoints import Checkpoint
from training.engine.data import SeriesData, Splits, make_splits
from training.engine.errors import TrainingEnded
from training.engine.judging import compared
from training.engine.loop import never, train
from training.engine.results import EpochResult
from training.engine.scaler import DynamicGradScalerConfig, parameter_count
from training.engine.seeds import seed_everything
from training.engine.windows import Borders, borders_by_share
from training.study_spec import StudySpec


@dataclass(frozen=True)
class Beginning:
    """What a trial begins with, known once its model is built.

    ``init_scale`` is None where no scaler runs; ``first_epoch`` counts from 0.
    """

    spec: StudySpec
    parameters: int
    init_scale: float | None
    first_epoch: int


@dataclass(frozen=True)
class Trained:
    """A model with the weights of its best epoch, and what it was made from."""

    spec: StudySpec
    model: nn.Module
    splits: Splits
    value: float


class Observer:
    """What is told of a trial, and what it asks; this one listens to nothing."""

    resume: Checkpoint | None = None

    def begins(self, beginning: Beginning) -> None:
        """The model is built."""

    def epoch(self, result: EpochResult) -> None:
        """An epoch has ended."""

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """The state after an epoch, before that epoch is told."""

    def stop(self) -> str | None:
        """Why the trial is to stop, None when it goes on."""
        return never()

    def trained(self, trained: Trained) -> None:
        """The trial is complete; what is raised here still fails it."""


class HyperparameterOptimizer:
    """Searches the space of a spec on given series, in this process.

    ``objective`` is what Optuna calls; the processes of a study's trials use it too.
    ``series``: arrays as ``training.engine.data`` takes them; ``borders`` None = by the
    spec's shares. ``device`` overrides the spec's. Raises ``InvalidInput`` for data
    without windows.
    """

    def __init__(
        self,
        spec: StudySpec,
        series: Sequence[SeriesData],
        *,
        borders: Borders | None = None,
        device: str = "",
        scaler_config: DynamicGradScalerConfig | None = None,
    ) -> None:
        self.spec = spec
        self._series = series
        self._borders = borders or borders_by_share(
            series, train=spec.train_share, validation=spec.validation_share
        )
        self._device = device
        self._scaler_config = scaler_config or DynamicGradScalerConfig()

    def optimize(self) -> optuna.Study:
        """Run all trials of the spec here, one after the other; returns the study.

        One whose loss is no number or whose values do not go together fails alone.
        """
        study = optuna.create_study(
            direction="minimize",
            sampler=search.make_sampler(self.spec),
            pruner=search.make_pruner(self.spec),
        )
        study.optimize(
            self.objective,
            n_trials=self.spec.trials,
            catch=(TrainingEnded, InvalidInput),
        )
        return study

    def objective(self, trial: optuna.Trial, observer: Observer | None = None) -> float:
        """Train one model and return the validation loss of the weights it keeps.

        In a search among losses, what ``training.engine.judging.compared`` says of them.
        Raises ``optuna.TrialPruned``, and what ``training.engine.loop.train`` raises.
        """
        observer = observer or Observer()
        spec = self._with_device(search.suggest(trial, self.spec), trial)
        splits = make_splits(
            self._series, spec.window, self._borders, device=spec.train.device
        )
        seed_everything(spec.train.seed)
        model = build_model(spec.model, splits.shape).to(spec.train.device)
        resume = observer.resume
        observer.begins(self._beginning(spec, model, resume))
        best = resume["best_loss"] if resume else math.inf
        reported = search.frozen(trial).intermediate_values
        for result in train(
            model,
            splits,
            spec.train,
            scaler_config=self._scaler_config,
            resume=resume,
            stop=observer.stop,
            on_checkpoint=observer.checkpoint,
        ):
            observer.epoch(result)
            best = result.best_loss
            loss = result.validation_loss
            if self.spec.searches_loss:
                loss = _compared(model, splits, spec)
            _report(trial, result.epoch, loss, reported)
        observer.trained(Trained(spec, model, splits, best))
        return _compared(model, splits, spec) if self.spec.searches_loss else best

    def _with_device(self, spec: StudySpec, trial: optuna.Trial) -> StudySpec:
        """Take the worker's device, and half the batch as often as memory ran out."""
        halvings = search.halvings_of(search.frozen(trial))
        device = self._device or spec.train.device
        train_config = replace(
            spec.train,
            device=device,
            batch_size=max(1, spec.train.batch_size >> halvings),
        )
        return replace(spec, train=train_config)

    def _beginning(
        self, spec: StudySpec, model: nn.Module, resume: Checkpoint | None
    ) -> Beginning:
        count = parameter_count(model)
        scaled = spec.train.precision == "fp16"
        return Beginning(
            spec,
            parameters=count,
            init_scale=self._scaler_config.calculate_init_scale(count)
            if scaled
            else None,
            first_epoch=resume["epoch"] if resume else 0,
        )


def _compared(model: nn.Module, splits: Splits, spec: StudySpec) -> float:
    kind, size = splits.shape.target_kind, spec.train.eval_batch_size
    return compared(model, splits.validation, kind, size=size)


def _report(
    trial: optuna.Trial, epoch: int, loss: float, reported: dict[int, float]
) -> None:
    """Tell the pruner; an epoch that a predecessor reported is not told again."""
    if epoch not in reported and math.isfinite(loss):
        trial.report(loss, epoch)
    if trial.should_prune():
        raise optuna.TrialPruned(
            f"epoch {epoch}: its validation loss {loss:.4g} is no longer promising"
        )
