"""How fast a counter grows."""


class Rate:
    """Growth per second of a counter between two looks at least a second apart."""

    def __init__(self, now: float) -> None:
        self._at = now
        self._count = 0
        self._value = 0.0

    def of(self, count: int, now: float) -> float:
        """Return the newest rate; ``now`` in monotonic seconds."""
        elapsed = now - self._at
        if elapsed >= 1.0:
            self._value = round(max(0, count - self._count) / elapsed, 1)
            self._at, self._count = now, count
        return self._value
