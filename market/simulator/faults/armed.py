"""A fault that was armed: its chances, its hits and its end."""

import random
from dataclasses import dataclass, field

from market.simulator.faults.fault import Fault
from market.simulator.faults.kinds import Group

# A count that is reached ends these; the others go on with what they have.
_ENDS_WITH_COUNT = frozenset(Group) - {Group.LINE, Group.EXCHANGE}


@dataclass(eq=False)
class Armed:
    """``until`` in the engine's seconds; ``targets`` None means every connection."""

    id: int
    fault: Fault
    rng: random.Random
    armed_at: float
    until: float | None = None
    targets: frozenset[int] | None = None
    hits: int = 0
    chances: int = 0
    # Nothing more will happen; ``over`` once the engine has taken its effects back.
    ended: bool = False
    over: bool = False
    met: dict[int, bool] = field(default_factory=dict)

    def spent(self) -> bool:
        return self.fault.count is not None and self.hits >= self.fault.count

    def takes(self) -> bool:
        """One chance: whether it is taken (then it counts as a hit)."""
        if self.ended or self.spent():
            return False
        self.chances += 1
        if self.chances < (self.fault.nth or 1):
            return False
        if self.fault.probability < 1 and self.rng.random() >= self.fault.probability:
            return False
        self.hits += 1
        if self.spent() and self.fault.spec.group in _ENDS_WITH_COUNT:
            self.ended = True
        return True

    def takes_connection(self, number: int) -> bool:
        """The same once per connection; later questions get the first answer."""
        if self.targets is not None and number not in self.targets:
            return False
        if number not in self.met:
            self.met[number] = self.takes()
        return self.met[number]

    def remaining(self, now: float) -> float:
        return max(0.0, self.until - now) if self.until is not None else 0.0

    def describe(self, now: float) -> dict[str, object]:
        return {
            "id": self.id,
            "active": not self.ended,
            "hits": self.hits,
            "chances": self.chances,
            "armed_seconds_ago": round(now - self.armed_at, 3),
            "remaining_seconds": None
            if self.until is None or self.ended
            else round(self.remaining(now), 3),
            "fault": self.fault.given(),
        }
