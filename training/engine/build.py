"""Makes the model that a configuration names."""

import torch
from torch import Tensor, nn

from training.engine.baselines import (
    Persistence,
    Ridge,
    anchor,
    centred,
    design,
    ridge_weights,
)
from training.engine.config import ModelConfig, Shape
from training.engine.data import WindowSet
from training.engine.dlinear import DLinear
from training.engine.informer import Informer


class Residual(nn.Module):
    """A ridge forecast, and a network that learns what it misses.

    The linear part is solved on the training windows before the first step and learns
    on with the network; the network's last layer begins at 0, so that the whole begins
    as the ridge and can only be chosen over it where validation says so.
    """

    def __init__(self, inner: Informer, shape: Shape) -> None:
        super().__init__()
        self._shape = shape
        window = shape.window
        self.linear = nn.Linear(
            window.seq_len * shape.features + 1,
            window.pred_len * shape.targets,
            bias=False,
        )
        self.inner = inner
        nn.init.zeros_(inner.projection.weight)
        nn.init.zeros_(inner.projection.bias)

    @torch.no_grad()
    def prepare(self, data: WindowSet) -> None:
        """Solve the linear part."""
        solved = ridge_weights(data, self._shape)
        self.linear.weight.copy_(solved.T)

    def forward(self, x: Tensor, x_marks: Tensor, y_marks: Tensor) -> Tensor:
        """x (B, seq_len, features) -> (B, pred_len, targets)."""
        last = anchor(x, self._shape)
        straight = self.linear(design(x, last, self._shape))
        straight = straight.view(len(x), self._shape.window.pred_len, -1)
        rest = self.inner(centred(x, last, self._shape), x_marks, y_marks)
        found: Tensor = straight + rest + last
        return found


def build_model(config: ModelConfig, shape: Shape) -> nn.Module:
    """Return the model; its forward takes x (B, seq_len, features), x_marks (B,
    seq_len, marks), y_marks (B, label_len + pred_len, marks) and gives (B, pred_len,
    targets), all in deviations of the training data.
    """
    if config.kind == "persistence":
        return Persistence(shape)
    if config.kind == "ridge":
        return Ridge(shape)
    if config.kind == "dlinear":
        return DLinear(shape)
    inner = Informer(config, shape)
    return Residual(inner, shape) if config.variant == "residual" else inner
