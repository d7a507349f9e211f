"""What the training loop knows of loss scaling; the null object where none is needed."""

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from training.engine.results import ScaleSummary


class Scaling(Protocol):
    """Scales losses, takes steps and keeps the story of the scale.

    No method but ``end_epoch`` and ``state_dict`` copies anything to the host.
    ``steps_taken`` (0-dim float32 on the device) counts the settled steps that were not
    skipped; the learning rate follows it.
    """

    steps_taken: Tensor

    def begin_epoch(self, epoch: int, batches: int) -> None:
        """Make room for the records of so many batches."""

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of the scaled loss."""

    def unscale(self, optimizer: Optimizer) -> None:
        """Turn the gradients into those of the loss itself."""

    def step(self, optimizer: Optimizer, *, gradient_norm: Tensor) -> None:
        """Take the optimizer's step unless a gradient overflowed."""

    def keep(self, *, gradient_norm: Tensor, output: Tensor) -> None:
        """Keep what ``settle`` records of a step; may run beside ``step``."""

    def settle(self) -> None:
        """Bring the rules and the record up to the last step, before the next one's
        ``backward``; again it does nothing.
        """

    def end_epoch(self) -> ScaleSummary | None:
        """Copy the records to the host; a ``floor`` event ends the run."""

    def stopped(self) -> bool:
        """Whether it is known, without waiting, that nothing more can be learned."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the state of another run."""


class NullScaling:
    """No scaling: fp32 and bf16 have the range.

    A step whose gradients are not finite is skipped here too (the fused optimizer looks
    at ``found_inf``), so that the weights stay numbers until the loop notices.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.steps_taken = torch.zeros((), device=device)

    def begin_epoch(self, epoch: int, batches: int) -> None:
        """Nothing is recorded."""

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def unscale(self, optimizer: Optimizer) -> None:
        """The gradients are those of the loss already."""

    def step(self, optimizer: Optimizer, *, gradient_norm: Tensor) -> None:
        bad = (~torch.isfinite(gradient_norm)).float()
        optimizer.found_inf = bad  # type: ignore[attr-defined]
        optimizer.step()
        self.steps_taken += 1 - bad

    def keep(self, *, gradient_norm: Tensor, output: Tensor) -> None:
        """Nothing is recorded."""

    def settle(self) -> None:
        """A step is settled when it is taken."""

    def end_epoch(self) -> ScaleSummary | None:
        return None

    def stopped(self) -> bool:
        return False

    def state_dict(self) -> dict[str, Any]:
        return {"steps_taken": self.steps_taken.item()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps_taken.fill_(state["steps_taken"])
