"""Why a training run ends before its last epoch.

TrainingEnded
├── TrainingStopped     somebody asked for it
├── NonFiniteLoss       the loss is no number any more
├── ScaleFloorReached   gradients overflow even at the smallest scale
└── OutOfMemory         the batch does not fit; a smaller one may
"""

from core.errors import QuantaiError


class TrainingEnded(QuantaiError):
    """Base; ``reason`` is a sentence for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TrainingStopped(TrainingEnded):
    """Somebody asked for it."""


class NonFiniteLoss(TrainingEnded):
    """The loss became NaN or infinite."""


class ScaleFloorReached(TrainingEnded):
    """Gradients overflow even at the smallest scale."""


class OutOfMemory(TrainingEnded):
    """The device has no memory for this batch size."""
