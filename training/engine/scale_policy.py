"""When the scale is halved, reset or given up: the rules in plain numbers.

The published monitor and the loop's report both run on this state; the loop's device
tensors follow the same rules and a test holds the traces equal.
"""

from dataclasses import dataclass

FLOOR = 1.0
HALVING = 0.5
RESET_SHARE = 0.5


@dataclass
class ScalePolicy:
    """State of one run.

    ``init_scale``: what the run began with; ``max_scale``: above it an epoch is warned
    of; ``reset_epochs``: after so many epoch ends above it in a row comes a reset;
    ``overflow_limit``: after so many overflows in a row comes an extra halving, and at
    the floor the end.
    """

    init_scale: float
    max_scale: float = 100_000.0
    reset_epochs: int = 3
    overflow_limit: int = 5
    auto_reset: bool = True
    streak: int = 0
    floor_streak: int = 0
    epochs_above: int = 0

    def observe(self, *, overflow: bool, scale_before: float) -> bool:
        """Take one batch; True when the streak is full and the scale is to be halved.

        The streak starts again then. ``scale_before``: the scale the batch was scaled
        with.
        """
        if not overflow:
            self.streak = self.floor_streak = 0
            return False
        self.streak += 1
        at_floor = scale_before <= FLOOR
        self.floor_streak = self.floor_streak + 1 if at_floor else 0
        if self.streak < self.overflow_limit:
            return False
        self.streak = 0
        return True

    def end_epoch(self, scale: float) -> bool:
        """Take the scale at an epoch's end; True when it is to be reset."""
        self.epochs_above = self.epochs_above + 1 if scale > self.max_scale else 0
        if self.epochs_above < self.reset_epochs or not self.auto_reset:
            return False
        self.epochs_above = 0
        return True

    def reset_scale(self, current: float) -> float:
        """Return what the scale is reset to."""
        return max(min(current, RESET_SHARE * self.init_scale), FLOOR)


def halved(scale: float) -> float:
    """Return the scale after an extra halving; never below the floor."""
    return max(scale * HALVING, FLOOR)
