"""The trades of one symbol: each id once, in whatever order they arrive.

While one connection replaces another, the same trades come twice and the later ids
of one may overtake the earlier ids of the other. Ids have no holes on the exchange,
so what is missing between two ids is known exactly.
"""

import itertools
from collections.abc import Sequence

from market.domain.types import Trade


class TradeTape:
    """Which ids came and which are missing; memory grows with the holes only."""

    def __init__(self) -> None:
        self.first = -1
        self.newest = -1
        self.duplicates = 0
        self._time = -1
        # Missing ids as first → last of each range, all below ``newest``.
        self._holes: dict[int, int] = {}

    @classmethod
    def after(cls, seen: Sequence[tuple[int, int]]) -> "TradeTape":
        """Return the tape of one who saw these (id, time in ms), by id, and no others.

        Holes between them are missing: who saw them may not have told of it any more.
        """
        tape = cls()
        tape.first, (tape.newest, tape._time) = seen[0][0], seen[-1]
        for (before, _), (number, _) in itertools.pairwise(seen):
            if number > before + 1:
                tape._holes[before + 1] = number - 1
        return tape

    def add(self, trade: Trade) -> bool:
        """Return True when the trade is new, False when it came before."""
        number = trade.id
        if self.newest < 0:
            self._begin(trade)
            return True
        if number > self.newest:
            if number > self.newest + 1:
                self._holes[self.newest + 1] = number - 1
            self.newest = number
            self._time = max(self._time, trade.event_time)
            return True
        if self._fill(number):
            return True
        if trade.event_time > self._time:
            # An old id at a new time: the exchange began to count anew.
            self._begin(trade)
            return True
        self.duplicates += 1
        return False

    @property
    def holes(self) -> list[tuple[int, int]]:
        """Missing ids as (first, last), oldest first."""
        return sorted(self._holes.items())

    @property
    def missing(self) -> int:
        """How many ids are missing."""
        return sum(last - first + 1 for first, last in self._holes.items())

    def give_up(self, first: int, last: int) -> None:
        """Call these ids lost: they are no longer missing."""
        for number in [at for at in self._holes if first <= at <= last]:
            end = self._holes.pop(number)
            if end > last:
                self._holes[last + 1] = end

    def _begin(self, trade: Trade) -> None:
        self.first = self.newest = trade.id
        self._time = trade.event_time
        self._holes.clear()

    def _fill(self, number: int) -> bool:
        for first, last in self._holes.items():
            if first <= number <= last:
                del self._holes[first]
                if first < number:
                    self._holes[first] = number - 1
                if number < last:
                    self._holes[number + 1] = last
                return True
        return False
