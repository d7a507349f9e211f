"""The learning rate as a function of the steps that were really taken."""

import math

import torch
from torch import Tensor

from training.engine.config import TrainConfig


class LearningRate:
    """Writes the rate into the tensor that the fused optimizer reads; no host copy.

    A skipped step does not move it.
    """

    def __init__(
        self, config: TrainConfig, steps_per_epoch: int, device: torch.device | str
    ) -> None:
        self.tensor = torch.tensor(config.learning_rate, device=device)
        self._config = config
        self._per_epoch = max(steps_per_epoch, 1)
        self._total = self._per_epoch * config.epochs

    def follow(self, steps_taken: Tensor) -> None:
        """Set the rate for the step after ``steps_taken`` (0-dim)."""
        config = self._config
        if config.schedule == "constant" and not config.warmup_steps:
            return
        rate = torch.full_like(self.tensor, config.learning_rate)
        if config.schedule == "cosine":
            share = (steps_taken / self._total).clamp(max=1.0)
            rate = rate * 0.5 * (1 + torch.cos(math.pi * share))
        elif config.schedule == "halving":
            rate = rate * 0.5 ** torch.floor(steps_taken / self._per_epoch)
        if config.warmup_steps:
            rate = rate * ((steps_taken + 1) / config.warmup_steps).clamp(max=1.0)
        self.tensor.copy_(rate)
