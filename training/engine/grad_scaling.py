"""Loss scaling for fp16 that never waits for the device while it trains.

Everything a batch leaves behind (the new scale, whether its step was skipped, the norm,
statistics of the output) is written to a buffer on the device and read once per epoch.
The rules that cannot wait run on the device as well: the extra halving after a streak
of overflows, and a floor of 1. ``GradScaler`` has no floor: its scale reaches 0 after
enough overflows, and the next clean step writes NaN into the weights.

All of that changes tensors in place, so that a whole step can be recorded once and
replayed (``replay.py``).

``GradScaler.update(new_scale)`` leaves the count of clean steps as it is; after an
overflow that count is 0 anyway, and a reset at an epoch's end keeps it.
"""

import logging
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from training.engine.config import TrainConfig
from training.engine.host_view import HostView
from training.engine.results import OutputStatistics, ScaleSummary
from training.engine.scale_policy import FLOOR, HALVING
from training.engine.scale_report import BatchRecord, ScaleReporter
from training.engine.scaler import DynamicGradScalerConfig
from training.engine.scaling import NullScaling, Scaling

log = logging.getLogger(__name__)

COLUMNS = 7


class GradScaling:
    """A ``Scaling`` around ``torch.amp.GradScaler``; wants a fused optimizer."""

    def __init__(
        self, scaler: torch.amp.GradScaler, config: DynamicGradScalerConfig
    ) -> None:
        """``scaler`` fresh from ``config.create_scaler``."""
        self.scaler = scaler
        device = torch.device(str(scaler._device))
        self._one = torch.ones((), device=device)
        self._scale = scaler.scale(self._one)
        # As fp32 holds it: the unrounded number would look like a growth or a fall.
        self.init_scale = max(scaler.get_scale(), FLOOR)
        self.reporter = ScaleReporter(
            config.policy(self.init_scale), growth_interval=config.growth_interval
        )
        self._limit = float(config.max_consecutive_overflow)
        self.steps_taken = torch.zeros((), device=device)
        self._streak = torch.zeros((), device=device)
        self._floor_streak = torch.zeros((), device=device)
        self._longest_at_floor = HostView(torch.zeros((), device=device))
        self._overflow = torch.zeros((), device=device)
        self._at_floor = torch.zeros((), device=device)
        self._rows = torch.zeros((0, COLUMNS), device=device)
        self._at = torch.zeros(1, device=device, dtype=torch.int64)
        self._epoch = 0
        # What is kept for ``settle``, which may run beside the next forward pass; outputs
        # by their shape.
        self._norm = torch.zeros((), device=device)
        self._outputs: dict[torch.Size, Tensor] = {}
        self._output: Tensor | None = None
        self._unsettled = False

    def begin_epoch(self, epoch: int, batches: int) -> None:
        self._epoch = epoch
        self._at.zero_()
        if len(self._rows) < batches:
            self._rows = torch.zeros((batches, COLUMNS), device=self._rows.device)

    def backward(self, loss: Tensor) -> None:
        self.settle()
        self.scaler.scale(loss).backward()

    def unscale(self, optimizer: Optimizer) -> None:
        self.scaler.unscale_(optimizer)

    def step(self, optimizer: Optimizer, *, gradient_norm: Tensor) -> None:
        self.scaler.step(optimizer)
        self.scaler.update()
        self._unsettled = True

    @torch.no_grad()
    def keep(self, *, gradient_norm: Tensor, output: Tensor) -> None:
        if output.shape not in self._outputs:
            self._outputs[output.shape] = torch.empty_like(output, dtype=torch.float32)
        self._output = self._outputs[output.shape].copy_(output)
        self._norm.copy_(gradient_norm)

    @torch.no_grad()
    def settle(self) -> None:
        if not self._unsettled or self._output is None:
            return
        overflow = self._obey(self.scaler.scale(self._one))
        self._record(overflow, self._norm, self._output)
        self._unsettled = False

    def _obey(self, after: Tensor) -> Tensor:
        """The rules of ``ScalePolicy.observe``, on the device; return the overflow.

        ``after``: the scale that ``GradScaler`` went to. Floats of 0 and 1 are flags.
        Written for few kernels: beside a small model's step each of them counts.
        """
        overflow, at_floor = self._overflow, self._at_floor
        torch.lt(after, self._scale, out=overflow)
        torch.le(self._scale, FLOOR, out=at_floor).mul_(overflow)
        self.steps_taken.add_(1).sub_(overflow)
        # flag + flag * streak: one more, or 0.
        torch.addcmul(overflow, overflow, self._streak, out=self._streak)
        torch.addcmul(at_floor, at_floor, self._floor_streak, out=self._floor_streak)
        full = self._streak >= self._limit
        torch.where(full, after * HALVING, after, out=self._scale).clamp_(min=FLOOR)
        self._streak.masked_fill_(full, 0)
        self.scaler.update(self._scale)
        longest = self._longest_at_floor.tensor
        torch.maximum(longest, self._floor_streak, out=longest)
        return overflow

    def _record(self, overflow: Tensor, norm: Tensor, output: Tensor) -> None:
        # Sums and bounds are those of the finite outputs, others counting as 0.
        known = torch.nan_to_num(output, nan=0.0, posinf=0.0, neginf=0.0)
        nonfinite = (output != known).mean(dtype=torch.float32)
        low, high = torch.aminmax(known)
        row = (self._scale, overflow, norm, low, high, known.mean(), nonfinite)
        self._rows.index_copy_(0, self._at, torch.stack(row).unsqueeze(0))
        self._at += 1

    def stopped(self) -> bool:
        """Whether the device has said that the floor was reached for good."""
        return self._longest_at_floor.read() >= self._limit

    def end_epoch(self) -> ScaleSummary:
        self.settle()
        records = [_record(row) for row in self._rows[: int(self._at.item())].tolist()]
        summary, reset_to = self.reporter.epoch(self._epoch, records)
        kinds = ("above_max", "reset")
        told = [event.advice for event in summary.events if event.kind in kinds]
        if told:
            log.warning("epoch %d: %s", self._epoch, " ".join(told))
        if reset_to is not None:
            # An int would be taken for a tensor.
            self.scaler.update(float(reset_to))
            self._scale.copy_(self.scaler.scale(self._one))
        self._at.zero_()
        return summary

    def state_dict(self) -> dict[str, Any]:
        policy = self.reporter.policy
        return {
            "scaler": self.scaler.state_dict(),
            "init_scale": self.init_scale,
            "steps_taken": self.steps_taken.item(),
            "streak": self._streak.item(),
            "floor_streak": self._floor_streak.item(),
            "epochs_above": policy.epochs_above,
            "batch": self.reporter.batch,
            "overflow_streak": self.reporter.overflow_streak,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scaler.load_state_dict(state["scaler"])
        self._scale.copy_(self.scaler.scale(self._one))
        self.init_scale = state["init_scale"]
        self.steps_taken.fill_(state["steps_taken"])
        self._streak.fill_(state["streak"])
        self._floor_streak.fill_(state["floor_streak"])
        reporter, policy = self.reporter, self.reporter.policy
        reporter.scale = state["scaler"]["scale"]
        reporter.batch = state["batch"]
        reporter.overflow_streak = state["overflow_streak"]
        policy.init_scale = state["init_scale"]
        policy.streak = int(state["streak"])
        policy.floor_streak = int(state["floor_streak"])
        policy.epochs_above = state["epochs_above"]


def _record(row: list[float]) -> BatchRecord:
    scale, overflow, norm, low, high, mean, nonfinite = row
    nan = float("nan")
    known = nonfinite < 1
    return BatchRecord(
        scale=scale,
        overflow=overflow > 0,
        gradient_norm=norm,
        output=OutputStatistics(
            minimum=low if known else nan,
            maximum=high if known else nan,
            mean=mean if known else nan,
            nonfinite_share=nonfinite,
        ),
    )


def make_scaling(
    model: nn.Module, config: TrainConfig, scaler_config: DynamicGradScalerConfig
) -> Scaling:
    """Return the scaling that a precision needs: fp16 scales, the others do not."""
    if config.precision != "fp16":
        return NullScaling(config.device)
    scaler = scaler_config.create_scaler(model, config.device)
    return GradScaling(scaler, scaler_config)
