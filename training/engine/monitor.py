"""The published monitor of a gradient scaler, for loops of one's own.

An adapter over the same rules as our own loop (``ScalePolicy``). It reads the scale,
which on CUDA waits for the device; the loop of this package does not.
"""

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

import torch

from training.engine.scale_policy import halved
from training.engine.scaler import DynamicGradScalerConfig

HISTORY = 100_000


@dataclass(frozen=True)
class ScaleRecord:
    """The scale of one batch, and whether its step was skipped (None = not told)."""

    epoch: int
    batch: int
    scale: float
    overflow: bool | None = None


class GradScalerMonitor:
    """Counts overflows and says when the scale is to be reset.

    ``config`` gives the limits (``DynamicGradScalerConfig`` by default); the last
    100,000 records are kept in ``history``, the counts are of all.
    """

    def __init__(
        self,
        scaler: torch.amp.GradScaler,
        init_scale: float = 65536.0,
        config: DynamicGradScalerConfig | None = None,
    ) -> None:
        self.scaler = scaler
        self.init_scale = float(init_scale)
        self.policy = (config or DynamicGradScalerConfig()).policy(self.init_scale)
        self.history: deque[ScaleRecord] = deque(maxlen=HISTORY)
        self.batches = self.overflows = self.resets = 0
        self._before = self.init_scale
        self._sum = 0.0
        self._least, self._most = float("inf"), 0.0
        self._epoch: int | None = None

    def record_scale(self, epoch: int, batch: int) -> ScaleRecord:
        """Remember the scale after a batch's ``update()``."""
        scale = float(self.scaler.get_scale())
        record = ScaleRecord(epoch, batch, scale)
        self.history.append(record)
        self.batches += 1
        self._sum += scale
        self._least, self._most = min(self._least, scale), max(self._most, scale)
        self._epoch = epoch
        return record

    def check_overflow(self, has_overflow: bool, epoch: int, batch: int) -> bool:  # noqa: FBT001 - published
        """Take whether the batch overflowed; True when the streak is full.

        The limit is ``GRAD_SCALER_MAX_CONSECUTIVE_OVERFLOW``; the streak starts again.
        """
        last = self.history[-1] if self.history else None
        if last is not None and (last.epoch, last.batch) == (epoch, batch):
            self.history[-1] = ScaleRecord(epoch, batch, last.scale, has_overflow)
        self.overflows += has_overflow
        full = self.policy.observe(overflow=has_overflow, scale_before=self._before)
        self._before = float(self.scaler.get_scale())
        return full

    def reset_scale(self) -> float:
        """Set the scale to the lesser of the current and half the initial one.

        Never below 1; returns the new scale.
        """
        return self._set(self.policy.reset_scale(float(self.scaler.get_scale())))

    def halve_scale(self) -> float:
        """Halve the scale once more, as our own loop does; returns the new scale."""
        return self._set(halved(float(self.scaler.get_scale())))

    def end_epoch(self) -> bool:
        """Take an epoch's end; resets and returns True when the rule says so."""
        if not self.policy.end_epoch(float(self.scaler.get_scale())):
            return False
        self.reset_scale()
        return True

    def get_statistics(self) -> dict[str, Any]:
        """Return counts, rates and the scale's range; ``history`` as dicts."""
        known = self.batches > 0
        return {
            "batches": self.batches,
            "overflows": self.overflows,
            "overflow_rate": self.overflows / self.batches if known else 0.0,
            "resets": self.resets,
            "consecutive_overflows": self.policy.streak,
            "init_scale": self.init_scale,
            "current_scale": float(self.scaler.get_scale()),
            "min_scale": self._least if known else None,
            "max_scale": self._most if known else None,
            "mean_scale": self._sum / self.batches if known else None,
            "history": [asdict(record) for record in self.history],
        }

    def _set(self, scale: float) -> float:
        if self.scaler.is_enabled():
            # One that has scaled nothing yet has no scale that could be set.
            self.scaler.scale(torch.ones((), device=self.scaler._device))
        # An int would be taken for a tensor.
        self.scaler.update(float(scale))
        self.resets += 1
        self._before = float(scale)
        return scale
