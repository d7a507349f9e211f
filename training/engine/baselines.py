"""Models that need no gradient: what a big model must beat to earn its cost."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training.engine.config import Shape
from training.engine.data import WindowSet

# Squared deviations, against sums over windows: from ETTh1, whose past tells much, to
# hourly returns, whose past tells next to nothing (100 is best there, 1e5 here).
PENALTIES = tuple(10.0**power for power in range(7, -1, -1))
EARLY_SHARE = 0.8
FIT_BATCH = 1024


class ClosedForm(nn.Module):
    """A model that is solved, not trained."""

    def fit(self, data: WindowSet) -> None:
        """Take from the training windows what the forecast needs."""


class Persistence(ClosedForm):
    """The last value of a level goes on; the forecast of a return is 0."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape

    def forward(self, x: Tensor, x_marks: Tensor, y_marks: Tensor) -> Tensor:
        """x (B, seq_len, features) -> (B, pred_len, targets)."""
        last = anchor(x, self._shape)
        return last.expand(-1, self._shape.window.pred_len, -1)


class Ridge(ClosedForm):
    """Linear in the window of all features, with a penalty; solved by normal equations.

    Levels are forecast as differences from the last value. Without a ``penalty`` the
    training windows choose it, see ``ridge_weights``.
    """

    weight: Tensor

    def __init__(self, shape: Shape, penalty: float | None = None) -> None:
        super().__init__()
        self._shape, self._penalty = shape, penalty
        window = shape.window
        inputs = window.seq_len * shape.features + 1
        outputs = window.pred_len * shape.targets
        self.register_buffer("weight", torch.zeros(inputs, outputs))

    def fit(self, data: WindowSet) -> None:
        self.weight.copy_(ridge_weights(data, self._shape, self._penalty))

    def forward(self, x: Tensor, x_marks: Tensor, y_marks: Tensor) -> Tensor:
        """x (B, seq_len, features) -> (B, pred_len, targets)."""
        last = anchor(x, self._shape)
        flat = design(x, last, self._shape) @ self.weight
        return flat.view(len(x), self._shape.window.pred_len, -1) + last


def anchor(x: Tensor, shape: Shape) -> Tensor:
    """Return (B, 1, targets): the last value of a level, 0 for a return."""
    last = x[:, -1:, : shape.targets]
    return last if shape.target_kind == "level" else torch.zeros_like(last)


def centred(x: Tensor, last: Tensor, shape: Shape) -> Tensor:
    """Return x (B, seq_len, features) with the anchor taken from the targets' columns."""
    return torch.cat((x[..., : shape.targets] - last, x[..., shape.targets :]), -1)


def design(x: Tensor, last: Tensor, shape: Shape) -> Tensor:
    """Return (B, seq_len * features + 1): the centred window and a 1."""
    flat = centred(x, last, shape).flatten(1)
    return torch.cat((flat, flat.new_ones(len(flat), 1)), 1)


@torch.inference_mode()
def ridge_weights(
    data: WindowSet, shape: Shape, penalty: float | None = None
) -> Tensor:
    """Return (seq_len * features + 1, pred_len * targets), solved in float64.

    Without a ``penalty``: of ``PENALTIES`` the one which, solved on the earliest 80 %
    of the windows, errs least on the others; of equals the strongest.
    """
    order = torch.from_numpy(np.argsort(data.target_times(), kind="stable"))
    cut = int(len(order) * EARLY_SHARE)
    early = _Sums.over(data, order[:cut], shape)
    late = _Sums.over(data, order[cut:], shape)
    if penalty is None:
        penalty = min(PENALTIES, key=lambda one: late.error(early.solved(one)))
    both = _Sums(
        early.left + late.left, early.right + late.right, early.square + late.square
    )
    return both.solved(penalty).float()


@dataclass(frozen=True)
class _Sums:
    """All that normal equations and squared errors need of windows, in float64."""

    left: Tensor
    right: Tensor
    square: Tensor

    @classmethod
    def over(cls, data: WindowSet, numbers: Tensor, shape: Shape) -> "_Sums":
        """Sum over the windows ``numbers``."""
        inputs = shape.window.seq_len * shape.features + 1
        outputs = shape.window.pred_len * shape.targets
        device = data.values.device
        found = cls(
            torch.zeros(inputs, inputs, dtype=torch.float64, device=device),
            torch.zeros(inputs, outputs, dtype=torch.float64, device=device),
            torch.zeros((), dtype=torch.float64, device=device),
        )
        for indices in numbers.to(device).split(FIT_BATCH):
            batch = data.batch(indices)
            last = anchor(batch.x, shape)
            rows = design(batch.x, last, shape).double()
            wanted = (batch.y - last).flatten(1).double()
            found.left.addmm_(rows.T, rows)
            found.right.addmm_(rows.T, wanted)
            found.square.add_(wanted.square().sum())
        return found

    def solved(self, penalty: float) -> Tensor:
        """Return the weights, (inputs, outputs)."""
        damping = torch.full_like(self.left[0], penalty)
        # The constant is no slope.
        damping[-1] = 1e-9
        weights: Tensor = torch.linalg.solve(
            self.left + torch.diag(damping), self.right
        )
        return weights

    def error(self, weights: Tensor) -> float:
        """Return the sum of squared errors of these weights over the windows."""
        explained = weights * (2 * self.right - self.left @ weights)
        return (self.square - explained.sum()).item()
