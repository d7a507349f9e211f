"""DLinear: Zeng et al., "Are Transformers Effective for Time Series Forecasting?"."""

import torch
from torch import Tensor, nn

from training.engine.config import Shape

KERNEL = 25


class DLinear(nn.Module):
    """Trend (moving average of 25 bars, ends repeated) and rest, a Linear each.

    Every column is forecast from its own past with shared weights; only those of the
    targets are returned.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._targets = shape.targets
        window = shape.window
        self.trend = nn.Linear(window.seq_len, window.pred_len)
        self.rest = nn.Linear(window.seq_len, window.pred_len)
        for one in (self.trend, self.rest):
            nn.init.constant_(one.weight, 1 / window.seq_len)

    def forward(self, x: Tensor, x_marks: Tensor, y_marks: Tensor) -> Tensor:
        """x (B, seq_len, features) -> (B, pred_len, targets)."""
        own = x[..., : self._targets].transpose(1, 2)
        half = KERNEL // 2
        padded = torch.cat(
            (
                own[..., :1].expand(-1, -1, half),
                own,
                own[..., -1:].expand(-1, -1, half),
            ),
            -1,
        )
        trend = nn.functional.avg_pool1d(padded, KERNEL, stride=1)
        found: Tensor = self.trend(trend) + self.rest(own - trend)
        return found.transpose(1, 2)
