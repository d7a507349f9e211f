"""Closed bars of all series, each handed out once.

Two connections may both deliver the close of a bar while one replaces the other, so
a close is known by its series and open time. The last closes of each series are
remembered; a close older than all remembered ones is handed out again, because
losing a candle is worse than storing it twice.
"""

from collections import OrderedDict

from msgspec.structs import replace

from market.domain.types import Candle

REMEMBERED = 16
"""Closes remembered per series."""


class ClosedBars:
    """The closed bars that wait to be taken, and what was wrong with closes."""

    def __init__(self) -> None:
        self.duplicates = 0
        self.conflicts = 0
        self._seen: dict[tuple[str, str], OrderedDict[int, Candle]] = {}
        self._waiting: dict[tuple[str, str, int], Candle] = {}

    def add(self, candle: Candle) -> None:
        """Take a closed bar. A second, different close counts as a conflict.

        Of two different closes of one bar the one with the newer event time wins,
        and is handed out even if the other one was handed out before.
        """
        series = (candle.symbol, candle.interval)
        seen = self._seen.setdefault(series, OrderedDict())
        known = seen.get(candle.open_time)
        if known is not None and not self._replaces(known, candle):
            return
        seen[candle.open_time] = candle
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
        self._waiting[*series, candle.open_time] = candle

    def drain(self) -> list[Candle]:
        """Return the bars added since the last call, in order of arrival."""
        waiting, self._waiting = self._waiting, {}
        return list(waiting.values())

    def _replaces(self, known: Candle, candle: Candle) -> bool:
        if replace(candle, event_time=known.event_time) == known:
            self.duplicates += 1
            return False
        self.conflicts += 1
        return candle.event_time > known.event_time
