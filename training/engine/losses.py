"""Losses of forecasts. All of them compute in fp32 or wider, outside autocast.

GMADL: Michańków, Sakowski, Ślepaczuk, "Alternative loss function in evaluation of
transformer models" (arXiv 2412.18405); MADL: the same authors, J. Comput. Sci. 81
(2024) 102375.
"""

import torch
from torch import Tensor, nn

from training.engine.config import LossConfig


class Loss(nn.Module):
    """Base: ``forward`` is what is minimised, ``judge`` what versions are compared by.

    Both take prediction and target (B, pred_len, targets) and return a 0-dim tensor.
    """

    def judge(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss without anything that changes while training."""
        found: Tensor = self(prediction, target)
        return found


def _wide(value: Tensor) -> Tensor:
    return value if value.dtype == torch.float64 else value.float()


class GMADLLoss(Loss):
    """Generalised mean absolute directional loss of raw returns.

    mean of -(sigmoid(a y f) - 1/2) |y|^b with realised return y and forecast f. The
    sigmoid is torch's: the paper's quotient of exponentials has NaN gradients far out.
    """

    def __init__(self, a: float = 1000.0, b: float = 2.0) -> None:
        super().__init__()
        self.a, self.b = a, b

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = _wide(prediction), _wide(target)
        right = torch.sigmoid(self.a * target * prediction) - 0.5
        return -(right * target.abs().pow(self.b)).mean()


class NormalisedGMADLLoss(Loss):
    """GMADL on returns in units of their deviation, with gradients of order 1.

    GMADL(y, f; a, b) = sigma^b GMADL(y/sigma, f/sigma; a sigma^2, b), so that with
    a' = a sigma^2 the minimiser is the same; divided by a', which takes the steepness
    out of the gradient. ``a`` is that of raw returns.
    """

    def __init__(self, *, sigma: float, a: float = 1000.0, b: float = 2.0) -> None:
        super().__init__()
        self.steepness = a * sigma**2
        self._inner = GMADLLoss(self.steepness, b)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        found: Tensor = self._inner(prediction, target) / self.steepness
        return found


class RawGMADLLoss(Loss):
    """GMADL of raw returns where model and data speak in deviations."""

    def __init__(self, *, sigma: float, a: float = 1000.0, b: float = 2.0) -> None:
        super().__init__()
        self._sigma = sigma
        self._inner = GMADLLoss(a, b)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        sigma = self._sigma
        found: Tensor = self._inner(_wide(prediction) * sigma, _wide(target) * sigma)
        return found


class MADLLoss(Loss):
    """Mean of -sign(y f) |y|. Its gradient is 0 almost everywhere: for judging only;
    training uses tanh(y f / 0.01) in the place of the sign.
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = _wide(prediction), _wide(target)
        return -(torch.tanh(prediction * target / 0.01) * target.abs()).mean()

    def judge(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = _wide(prediction), _wide(target)
        return -(torch.sign(prediction * target) * target.abs()).mean()


class ElementLoss(Loss):
    """MSE, MAE or Huber (``delta`` in deviations)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self._inner = inner

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        found: Tensor = self._inner(_wide(prediction), _wide(target))
        return found


class MultiTaskLoss(Loss):
    """Return (column 0) by normalised GMADL, volatility (the others) by squared error.

    Each head is weighted by 1 over the norm of its gradient at the forecasts, averaged
    over batches (weight 0.1 for the newest) and scaled so that the weights have mean 1:
    no head drowns the others (the idea of GradNorm, Chen et al. 2018, at the output).
    A batch whose gradients are not finite, as at an overflow in half precision, moves
    no weight.
    """

    inverse: Tensor

    def __init__(self, *, sigma: float, a: float, b: float) -> None:
        super().__init__()
        self._direction = NormalisedGMADLLoss(sigma=sigma, a=a, b=b)
        self.register_buffer("inverse", torch.ones(2))

    def heads(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return both losses, unweighted, (2,)."""
        prediction, target = _wide(prediction), _wide(target)
        first = self._direction(prediction[..., :1], target[..., :1])
        second = (prediction[..., 1:] - target[..., 1:]).square().mean()
        return torch.stack((first, second))

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        self._follow(prediction, target)
        weights = 2 * self.inverse / self.inverse.sum()
        return (weights * self.heads(prediction, target)).sum()

    def judge(self, prediction: Tensor, target: Tensor) -> Tensor:
        return self.heads(prediction, target).sum()

    def _follow(self, prediction: Tensor, target: Tensor) -> None:
        at = _wide(prediction.detach()).requires_grad_()
        heads = self.heads(at, target)
        norms = torch.stack(
            [
                torch.autograd.grad(one, at, retain_graph=True)[0].norm()
                for one in heads.unbind()
            ]
        )
        newest = (1 / norms.clamp(min=1e-12)).clamp(max=1e6)
        followed = self.inverse.lerp(newest, 0.1)
        # On the device: asking here whether the norms are finite would wait for it.
        self.inverse.copy_(
            torch.where(torch.isfinite(norms).all(), followed, self.inverse)
        )


def make_loss(config: LossConfig, *, target_sigma: float) -> Loss:
    """Return the loss for targets in units of ``target_sigma``, their deviation."""
    sigma = target_sigma
    if config.kind == "gmadl":
        return RawGMADLLoss(sigma=sigma, a=config.a, b=config.b)
    if config.kind == "gmadl_normalised":
        return NormalisedGMADLLoss(sigma=sigma, a=config.a, b=config.b)
    if config.kind == "multitask":
        return MultiTaskLoss(sigma=sigma, a=config.a, b=config.b)
    if config.kind == "madl":
        return MADLLoss()
    plain = {
        "mse": nn.MSELoss(),
        "mae": nn.L1Loss(),
        "huber": nn.HuberLoss(delta=config.delta),
    }
    return ElementLoss(plain[config.kind])
