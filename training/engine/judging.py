"""A model over whole sets of windows: how well it forecasts, and what."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.engine.config import TargetKind
from training.engine.data import WindowSet
from training.engine.losses import ElementLoss, Loss, MADLLoss


@torch.inference_mode()
def judged(
    model: nn.Module,
    data: WindowSet,
    criterion: Loss,
    *,
    size: int,
    autocast: Callable[[], contextlib.AbstractContextManager[Any]] = (
        contextlib.nullcontext
    ),
) -> dict[str, float]:
    """Return loss, mse and mae over all windows (scaled values); one copy at the end."""
    model.eval()
    sums = torch.zeros(3, device=data.values.device, dtype=torch.float64)
    for indices in data.all_batches(size):
        batch = data.batch(indices)
        with autocast():
            output = model(batch.x, batch.x_marks, batch.y_marks).float()
        error = output - batch.y
        loss = criterion.judge(output, batch.y)
        found = torch.stack((loss, error.square().mean(), error.abs().mean()))
        sums += found * len(indices)
    loss_mean, mse, mae = (sums / len(data)).tolist()
    return {"loss": loss_mean, "mse": mse, "mae": mae}


@torch.inference_mode()
def compared(
    model: nn.Module, data: WindowSet, kind: TargetKind, *, size: int
) -> float:
    """Return what models are compared by that were trained by different losses.

    The lower the better: of returns the mean of -sign(y f) |y| (MADL), which does not
    depend on how large forecasts are; of levels the squared error (scaled values).
    """
    model.eval()
    measure = MADLLoss() if kind == "return" else ElementLoss(nn.MSELoss())
    total = torch.zeros((), device=data.values.device, dtype=torch.float64)
    for indices in data.all_batches(size):
        batch = data.batch(indices)
        output = model(batch.x, batch.x_marks, batch.y_marks)
        total += measure.judge(output, batch.y) * len(indices)
    return float(total.item() / len(data))


@torch.inference_mode()
def predict(
    model: nn.Module, data: WindowSet, batch_size: int = 256
) -> NDArray[np.float32]:
    """Return forecasts (windows, pred_len, targets), in deviations of the targets."""
    model.eval()
    found = []
    for indices in data.all_batches(batch_size):
        batch = data.batch(indices)
        output = model(batch.x, batch.x_marks, batch.y_marks)
        found.append(output.float().cpu().numpy())
    return np.concatenate(found)


def targets(data: WindowSet, batch_size: int = 256) -> NDArray[np.float32]:
    """Return what really came, shaped like ``predict``."""
    batches = data.all_batches(batch_size)
    return np.concatenate([data.batch(one).y.cpu().numpy() for one in batches])
