"""What the loop hands out after every epoch. Plain numbers, no tensors."""

import math
from dataclasses import dataclass, field
from typing import Literal

EventKind = Literal["overflow", "growth", "halving", "reset", "above_max", "floor"]


@dataclass(frozen=True)
class ScaleRun:
    """``count`` batches in a row had the same ``scale``; batches count from 0 over the
    whole trial. The scale of a batch is the one its ``update()`` left behind.
    """

    first_batch: int
    count: int
    scale: float


@dataclass(frozen=True)
class OutputStatistics:
    """Of a batch's forecasts; min, max, mean over the finite ones, NaN if none."""

    minimum: float
    maximum: float
    mean: float
    nonfinite_share: float


@dataclass(frozen=True)
class ScaleEvent:
    """Something the scale did, and a sentence on what happened and what to try.

    ``batch`` counts over the whole trial. ``overflow``: a step was skipped;
    ``growth``: the scale grew after enough clean steps; ``halving``: the extra one after
    a streak of overflows; ``reset``: after epochs above the maximum; ``above_max``: once
    per epoch that had a scale above the maximum; ``floor``: overflows at the floor end
    the trial.
    """

    epoch: int
    batch: int
    kind: EventKind
    before: float
    after: float
    advice: str
    gradient_norm: float | None = None
    output: OutputStatistics | None = None


@dataclass(frozen=True)
class ScaleSummary:
    """The scale over one epoch. A skipped step is one whose gradients overflowed."""

    first: float
    last: float
    minimum: float
    maximum: float
    mean: float
    overflows: int
    growths: int
    halvings: int
    resets: int
    runs: tuple[ScaleRun, ...]
    events: tuple[ScaleEvent, ...] = ()


@dataclass(frozen=True)
class EpochResult:
    """One epoch, numbered from 0.

    ``gradient_norm``: mean over the steps taken, after unscaling, before clipping;
    ``peak_memory_bytes``: of the device on CUDA, of the process on a CPU. ``scale`` is
    None where no scaler runs (fp32, bf16). Losses are means over samples. ``best_loss``
    is the validation loss of the weights that are kept, NaN where that is not known.
    """

    epoch: int
    batches: int
    train_loss: float
    validation_loss: float
    learning_rate: float
    gradient_norm: float
    gradient_norm_max: float
    seconds: float
    samples_per_second: float
    peak_memory_bytes: int
    improved: bool
    scale: ScaleSummary | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    best_loss: float = math.nan
