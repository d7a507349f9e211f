"""The gradient scaler's configuration: where it starts and how it moves.

torch is loaded when a scaler is made, so that settings can be read without it.
"""

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from core.errors import InvalidInput
from training.engine.config import positive
from training.engine.scale_policy import FLOOR, ScalePolicy

if TYPE_CHECKING:
    import torch
    from torch import nn

log = logging.getLogger(__name__)

SMALL_PARAMETERS = 1_000_000
LARGE_PARAMETERS = 10_000_000
# fp32 holds a scale up to its own largest number.
_LARGEST = 3.4028234663852886e38


@dataclass(frozen=True)
class DynamicGradScalerConfig:
    """Settings ``GRAD_SCALER_*``; refuses bad values with ``InvalidInput``.

    ``init_scale_strategy``: "dynamic" (by the number of parameters) or a number above
    0. ``growth_interval``: clean steps before the scale grows by ``growth_factor``.
    """

    growth_factor: float = 1.2
    growth_interval: int = 2000
    max_scale: float = 100_000.0
    auto_reset: bool = True
    reset_threshold_epochs: int = 3
    max_consecutive_overflow: int = 5
    init_scale_strategy: float | Literal["dynamic"] = "dynamic"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.growth_factor) and self.growth_factor > 1):
            raise InvalidInput(
                "growth_factor", self.growth_factor, "must be a finite number above 1"
            )
        positive(self, "max_scale")
        for name in (
            "growth_interval",
            "reset_threshold_epochs",
            "max_consecutive_overflow",
        ):
            if getattr(self, name) < 1:
                raise InvalidInput(name, getattr(self, name), "must be 1 or more")
        strategy = self.init_scale_strategy
        if strategy != "dynamic" and not 0 < strategy <= _LARGEST:
            raise InvalidInput(
                "init_scale_strategy", strategy, "must be dynamic or a number above 0"
            )

    def calculate_init_scale(self, parameter_count: int) -> float:
        """Return the scale a model of this size begins with.

        Below 1 M parameters 2^16, from 1 M to 10 M (both included) 2^14, above 2^12;
        a fixed number where the settings name one.
        """
        if self.init_scale_strategy != "dynamic":
            return max(float(self.init_scale_strategy), FLOOR)
        if parameter_count < SMALL_PARAMETERS:
            return 2.0**16
        return 2.0**14 if parameter_count <= LARGE_PARAMETERS else 2.0**12

    def create_scaler(
        self, model: "nn.Module", device: "torch.device | str"
    ) -> "torch.amp.GradScaler":
        """Return a scaler for the model; the device is named, never assumed."""
        import torch

        count = parameter_count(model)
        scale = self.calculate_init_scale(count)
        log.info("gradient scaler starts at %g for %d parameters", scale, count)
        return torch.amp.GradScaler(
            device=torch.device(device).type,
            init_scale=scale,
            growth_factor=self.growth_factor,
            growth_interval=self.growth_interval,
        )

    def policy(self, init_scale: float) -> ScalePolicy:
        """Return the rules of one run."""
        return ScalePolicy(
            init_scale=init_scale,
            max_scale=self.max_scale,
            reset_epochs=self.reset_threshold_epochs,
            overflow_limit=self.max_consecutive_overflow,
            auto_reset=self.auto_reset,
        )


def parameter_count(model: "nn.Module") -> int:
    """Return the number of weights that are trained."""
    return sum(one.numel() for one in model.parameters() if one.requires_grad)
