"""When a study will be done, from how long its trials took. Plain numbers."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Running:
    """A trial that runs: seconds since it began, epochs it did itself and those left."""

    elapsed: float
    done: int
    left: int

    def remaining(self, usual: float | None) -> float | None:
        """Return the seconds it still needs, by its own pace if it has one."""
        if self.done:
            return self.elapsed / self.done * self.left
        return None if usual is None else max(0.0, usual - self.elapsed)

    @property
    def whole(self) -> float | None:
        """The seconds it takes from begin to end, by its own pace."""
        if not self.done:
            return None
        return self.elapsed / self.done * (self.done + self.left)


def eta_seconds(
    *, to_begin: int, running: Sequence[Running], mean_seconds: float | None
) -> float | None:
    """Return the seconds until a study is done; None while nothing can be said, as of
    a last trial that takes longer than the others took.

    ``to_begin``: trials that nobody has begun; ``mean_seconds``: how long the ended
    ones took (None = none has ended). As many go on at once as run now.
    """
    paces = [one.whole for one in running]
    known = [pace for pace in paces if pace is not None]
    usual = mean_seconds
    if usual is None and known:
        usual = sum(known) / len(known)
    rests = [one.remaining(usual) for one in running]
    if any(rest is None for rest in rests) or (to_begin and usual is None):
        return None
    open_rests = [rest for rest in rests if rest is not None]
    if not open_rests and not to_begin:
        return None
    work = sum(open_rests) + to_begin * (usual or 0.0)
    return max(work / max(1, len(running)), *open_rests, 0.0) or None
