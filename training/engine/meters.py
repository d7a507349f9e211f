"""Sums of an epoch that stay on the device until it ends."""

import torch
from torch import Tensor


class Meter:
    """Mean loss over samples, mean and largest gradient norm over finite ones."""

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(3, device=device, dtype=torch.float64)
        self._largest = torch.zeros((), device=device)

    def begin(self) -> None:
        """Forget what was summed."""
        self._sums.zero_()
        self._largest.zero_()

    @torch.no_grad()
    def add(self, loss: Tensor, samples: int, norm: Tensor) -> None:
        """Take one batch; ``loss`` is its mean over so many samples."""
        finite = torch.isfinite(norm)
        known = torch.where(finite, norm, 0.0)
        self._sums += torch.stack((loss * samples, known, finite.to(loss.dtype)))
        torch.maximum(self._largest, known, out=self._largest)

    def read(self, samples: int) -> tuple[float, float, float]:
        """Return mean loss over ``samples``, mean norm and largest norm; copies to the
        host.
        """
        loss, norms, counted = self._sums.tolist()
        nan = float("nan")
        return (
            loss / samples if samples else nan,
            norms / counted if counted else nan,
            self._largest.item() if counted else nan,
        )
