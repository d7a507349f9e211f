"""The training loop: a generator of epochs that reads in the order of the maths.

Within an epoch nothing is copied from the device: losses, norms and the story of the
scale are summed there, the learning rate is computed there from the steps really taken,
and a step whose gradients are not finite is skipped there. Flags that end a run early
arrive on the host without waiting for them.
"""

import contextlib
import math
import resource
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from training.engine.baselines import ClosedForm
from training.engine.build import Residual
from training.engine.checkpoints import Checkpoint
from training.engine.config import TrainConfig
from training.engine.data import Splits
from training.engine.errors import (
    NonFiniteLoss,
    OutOfMemory,
    ScaleFloorReached,
    TrainingEnded,
    TrainingStopped,
)
from training.engine.grad_scaling import make_scaling
from training.engine.host_view import HostView
from training.engine.judging import judged
from training.engine.losses import Loss, make_loss
from training.engine.meters import Meter
from training.engine.replay import Branch, Replay
from training.engine.results import EpochResult, ScaleSummary
from training.engine.scaler import DynamicGradScalerConfig
from training.engine.scaling import Scaling
from training.engine.schedule import LearningRate
from training.engine.seeds import random_state, restore_random_state, seed_everything

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
# What the CPU's allocator and the libraries of CUDA say; torch names its own.
OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "ALLOC_FAILED")
ADVICE = dict.fromkeys(
    ("fp32", "bf16"), "lower the learning rate, clip gradients, or look for outliers"
) | {
    "fp16": "the forward pass left the range of fp16 (65,504), which no scale changes: "
    "take bf16 or fp32, lower the learning rate, or look for outliers"
}


def never() -> str | None:
    """Nobody asks to stop."""
    return None


def train(
    model: nn.Module,
    splits: Splits,
    config: TrainConfig,
    *,
    scaler_config: DynamicGradScalerConfig | None = None,
    resume: Checkpoint | None = None,
    stop: Callable[[], str | None] = never,
    on_checkpoint: Callable[[Checkpoint], None] | None = None,
) -> Iterator[EpochResult]:
    """Train the model in place and yield every epoch.

    When the iteration ends by itself the model has the weights of the best validation
    loss; a residual model counts before its first step, as a ridge. ``stop`` is asked every
    ``config.stop_check_batches`` batches; a sentence ends the run. ``on_checkpoint``
    gets the state after every epoch, before the epoch is yielded; it holds the living
    tensors, so save or copy it before asking for the next epoch. With ``resume`` the
    run goes on from one, on a CPU bit for bit.

    Raises ``TrainingStopped`` within the epoch, ``NonFiniteLoss`` and
    ``ScaleFloorReached`` after the epoch in which it happened was yielded,
    ``OutOfMemory``.
    """
    if isinstance(model, ClosedForm):
        yield _solved(model, splits, config)
        return
    run = _Run(model, splits, config, scaler_config or DynamicGradScalerConfig())
    try:
        run.begin(resume)
        while run.epoch < config.epochs and not run.tired:
            result, ended = run.one_epoch(stop)
            if ended is None and on_checkpoint is not None:
                on_checkpoint(run.checkpoint())
            yield result
            if ended is not None:
                raise ended
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(config, error) from error
    except RuntimeError as error:
        if any(words in str(error) for words in OUT_OF_MEMORY):
            raise _out_of_memory(config, error) from error
        raise
    model.load_state_dict(run.best)


def _out_of_memory(config: TrainConfig, error: Exception) -> OutOfMemory:
    first = (str(error) or "refused").splitlines()[0][:200]
    return OutOfMemory(
        f"no memory on {config.device} for batches of {config.batch_size}: {first}"
    )


class _Run:
    """State of one run between its epochs."""

    def __init__(
        self,
        model: nn.Module,
        splits: Splits,
        config: TrainConfig,
        scaler_config: DynamicGradScalerConfig,
    ) -> None:
        self.model, self.splits, self.config = model, splits, config
        self.device = torch.device(config.device)
        self._cuda = self.device.type == "cuda"
        self.criterion: Loss = make_loss(
            config.loss, target_sigma=float(splits.standardizer.deviation[0])
        ).to(self.device)
        self.scaling: Scaling = make_scaling(model, config, scaler_config)
        self.batches = math.ceil(len(splits.train) / config.batch_size)
        self.rate = LearningRate(config, self.batches, self.device)
        self.parameters = list(model.parameters())
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            lr=self.rate.tensor,
            weight_decay=config.weight_decay,
            fused=True,
            capturable=self._cuda,
        )
        self.order = torch.Generator().manual_seed(config.seed)
        self.epoch = 0
        self.best_loss = math.inf
        self.best: dict[str, Tensor] = {}
        self.waited = 0
        self.meter = Meter(self.device)
        self._nonfinite = HostView(torch.zeros((), device=self.device))
        self._branch = Branch(self.device)
        self._whole_step = Replay(self._step) if self._cuda else self._step

    @property
    def tired(self) -> bool:
        """Whether validation has not improved for as long as is allowed."""
        return 0 < self.config.patience <= self.waited

    def begin(self, resume: Checkpoint | None) -> None:
        """Start anew, or go on. A model that begins as a ridge is the best so far."""
        if resume is None:
            seed_everything(self.config.seed)
            if isinstance(self.model, Residual):
                self.model.prepare(self.splits.train)
                solved = self.validate()["loss"]
                self.best_loss = solved if math.isfinite(solved) else math.inf
            self._remember()
            return
        self.model.load_state_dict(resume["model"])
        self.optimizer.load_state_dict(resume["optimizer"])
        # Loading puts a copy of the rate into the optimizer; ours must stay the one.
        self.rate.tensor.copy_(resume["rate"])
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate.tensor
            group["capturable"] = self._cuda
        self.criterion.load_state_dict(resume["criterion"])
        self.scaling.load_state_dict(resume["scaling"])
        self.order.set_state(resume["order"])
        restore_random_state(resume["random"], self.device)
        self.epoch = resume["epoch"]
        self.best_loss = resume["best_loss"]
        self.best = resume["best"]
        self.waited = resume["waited"]

    def checkpoint(self) -> Checkpoint:
        """Return everything that ``begin`` needs to go on."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rate": self.rate.tensor,
            "criterion": self.criterion.state_dict(),
            "scaling": self.scaling.state_dict(),
            "order": self.order.get_state(),
            "random": random_state(self.device),
            "epoch": self.epoch,
            "best_loss": self.best_loss,
            "best": self.best,
            "waited": self.waited,
        }

    def one_epoch(
        self, stop: Callable[[], str | None]
    ) -> tuple[EpochResult, TrainingEnded | None]:
        """Train and validate one epoch; what ended the run early comes beside it."""
        began = time.perf_counter()
        _reset_peak(self.device)
        epoch = self.epoch
        self.meter.begin()
        self.model.train()
        self.scaling.begin_epoch(epoch, self.batches)
        done, samples = self._batches(stop)
        scale = self.scaling.end_epoch()
        # This read waits for the device, so that the time is the whole epoch's.
        train_loss, norm, largest = self.meter.read(samples)
        seconds = time.perf_counter() - began
        ended = self._ended(scale, norm)
        found = {"loss": math.nan} if ended else self.validate()
        loss = found.pop("loss")
        if ended is None and not math.isfinite(loss):
            ended = NonFiniteLoss(f"the validation loss of epoch {epoch} is {loss}")
        improved = loss < self.best_loss
        if improved:
            self.best_loss, self.waited = loss, 0
            self._remember()
        else:
            self.waited += 1
        self.epoch += 1
        result = EpochResult(
            epoch=epoch,
            batches=done,
            train_loss=train_loss,
            validation_loss=loss,
            learning_rate=self.rate.tensor.item(),
            gradient_norm=norm,
            gradient_norm_max=largest,
            seconds=seconds,
            samples_per_second=samples / seconds,
            peak_memory_bytes=_peak(self.device),
            improved=improved,
            best_loss=self.best_loss,
            scale=scale,
            metrics=found,
        )
        return result, ended

    def _batches(self, stop: Callable[[], str | None]) -> tuple[int, int]:
        """Go through the training windows once, in a new order."""
        config = self.config
        order = torch.randperm(len(self.splits.train), generator=self.order)
        samples = 0
        batches = order.to(self.device).split(config.batch_size)
        for done, indices in enumerate(batches, 1):
            # The first batch follows none, the last may be smaller: no recorded step.
            alike = done > 1 and len(indices) == config.batch_size
            (self._whole_step if alike else self._step)(indices)
            samples += len(indices)
            if done % config.stop_check_batches == 0:
                reason = stop()
                if reason is not None:
                    raise TrainingStopped(reason)
                if self._nonfinite.read() or self.scaling.stopped():
                    return done, samples
        return self.batches, samples

    def _step(self, indices: Tensor) -> None:
        """One batch; nothing here waits for the device, all state changes in place."""
        batch = self.splits.train.batch(indices)
        with self._branch.beside():
            self.scaling.settle()
            self.rate.follow(self.scaling.steps_taken)
        self.optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            output = self.model(batch.x, batch.x_marks, batch.y_marks)
        loss = self.criterion(output.float(), batch.y)
        self._branch.join()
        self.scaling.backward(loss)
        self.scaling.unscale(self.optimizer)
        norm = self._clip()
        with self._branch.beside():
            self.scaling.keep(gradient_norm=norm, output=output.detach())
            self._note(loss.detach(), len(indices), norm)
        self.scaling.step(self.optimizer, gradient_norm=norm)
        self._branch.join()

    def _note(self, loss: Tensor, samples: int, norm: Tensor) -> None:
        """Keep what an epoch tells of its batches, on the device."""
        self.meter.add(loss, samples, norm)
        bad = (~torch.isfinite(loss)).float()
        torch.maximum(self._nonfinite.tensor, bad, out=self._nonfinite.tensor)

    def _clip(self) -> Tensor:
        """Clip in place and return the norm before it (0-dim)."""
        grads = [one.grad for one in self.parameters if one.grad is not None]
        norm = nn.utils.get_total_norm(grads, foreach=True)
        if self.config.clip_norm:
            nn.utils.clip_grads_with_norm_(
                self.parameters, self.config.clip_norm, norm, foreach=True
            )
        return norm

    def validate(self) -> dict[str, float]:
        """Return loss, mse and mae over all validation windows (scaled values)."""
        return judged(
            self.model,
            self.splits.validation,
            self.criterion,
            size=self.config.eval_batch_size,
            autocast=self._autocast,
        )

    def _ended(self, scale: ScaleSummary | None, norm: float) -> TrainingEnded | None:
        """Why the run cannot go on.

        The loss is a number of fp32 before any scale: when it is not finite, the
        forward pass itself went out of range and no smaller scale helps. Gradients
        that overflow under a finite loss are the scaler's to handle; without one
        nothing would ever change again, once no step of an epoch was taken.
        """
        for event in scale.events if scale else ():
            if event.kind == "floor":
                return ScaleFloorReached(event.advice)
        if self._nonfinite.tensor.item():
            return NonFiniteLoss(
                f"the training loss of epoch {self.epoch} is no finite number any "
                f"more: {ADVICE[self.config.precision]}"
            )
        if scale is None and math.isnan(norm):
            return NonFiniteLoss(
                f"no gradient of epoch {self.epoch} is finite though its losses are: "
                f"{ADVICE[self.config.precision]}"
            )
        return None

    def _remember(self) -> None:
        self.best = {
            name: value.detach().clone()
            for name, value in self.model.state_dict().items()
        }

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        dtype = DTYPES.get(self.config.precision)
        if dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=dtype)


def _solved(model: ClosedForm, splits: Splits, config: TrainConfig) -> EpochResult:
    """Fit a model that needs no gradient; one epoch."""
    began = time.perf_counter()
    model.fit(splits.train)
    criterion = make_loss(
        config.loss, target_sigma=float(splits.standardizer.deviation[0])
    )
    found = judged(model, splits.validation, criterion, size=config.eval_batch_size)
    seconds = time.perf_counter() - began
    loss = found.pop("loss")
    return EpochResult(
        epoch=0,
        batches=1,
        train_loss=math.nan,
        validation_loss=loss,
        learning_rate=0.0,
        gradient_norm=math.nan,
        gradient_norm_max=math.nan,
        seconds=seconds,
        samples_per_second=len(splits.train) / seconds,
        peak_memory_bytes=_peak(torch.device("cpu")),
        improved=True,
        best_loss=loss,
        metrics=found,
    )


def _reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _peak(device: torch.device) -> int:
    """Bytes at the peak: of the device on CUDA, of the whole process on a CPU."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
