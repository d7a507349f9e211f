"""Real scalers and optimizers under sequences of overflows that a test chooses."""

import torch
from torch import nn

from training.engine.grad_scaling import GradScaling
from training.engine.scaler import DynamicGradScalerConfig


class Injected:
    """A tiny model whose loss is made infinite where the sequence says so."""

    def __init__(self, config=None, *, init_scale=None):
        given = {} if init_scale is None else {"init_scale_strategy": init_scale}
        self.config = config or DynamicGradScalerConfig(**given)
        torch.manual_seed(0)
        self.model = nn.Linear(4, 1)
        self.scaling = GradScaling(
            self.config.create_scaler(self.model, "cpu"), self.config
        )
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=torch.tensor(1e-3), fused=True
        )
        self.epochs = 0

    def step(self, overflow):
        self.optimizer.zero_grad(set_to_none=True)
        output = self.model(torch.ones(2, 4))
        loss = output.square().mean()
        self.scaling.backward(loss * float("inf") if overflow else loss)
        self.scaling.unscale(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.scaling.keep(gradient_norm=norm, output=output.detach())
        self.scaling.step(self.optimizer, gradient_norm=norm)

    def epoch(self, overflows):
        """Run one epoch; returns its summary."""
        self.scaling.begin_epoch(self.epochs, len(overflows))
        for overflow in overflows:
            self.step(overflow)
        self.epochs += 1
        return self.scaling.end_epoch()

    @property
    def finite(self):
        return all(one.isfinite().all() for one in self.model.parameters())
