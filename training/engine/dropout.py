"""Dropout whose random numbers cost an eighth on a CPU.

torch draws a 64-bit number per element; eight elements can share one, a byte each.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 256
_LEAST = -(2**63)


class Dropout(nn.Module):
    """Like ``nn.Dropout``; on a CPU the share is rounded to 1/256.

    What stays is scaled by the share that really stays. Numbers come from torch's own
    generator, so that seeds and saved states hold.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self._dropped = round(share * LEVELS)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.share:
            return x
        if x.device.type != "cpu" or not 0 < self._dropped < LEVELS:
            return functional.dropout(x, self.share)
        found: Tensor = _ByteDropout.apply(x, self._dropped)  # type: ignore[no-untyped-call]
        return found

    def extra_repr(self) -> str:
        return f"share={self.share}"


def keep_mask(x: Tensor, dropped: int) -> Tensor:
    """Return factors of the shape of ``x``: 0, or 1 over the share that stays."""
    draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(_LEAST, None)
    bytes_ = draws.view(torch.uint8)[: x.numel()].view(x.shape)
    keep = (bytes_ >= dropped).to(x.dtype)
    return keep.mul_(LEVELS / (LEVELS - dropped))


class _ByteDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, dropped: int) -> Tensor:
        mask = keep_mask(x, dropped)
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (mask,) = ctx.saved_tensors
        return gradients[0] * mask, None
