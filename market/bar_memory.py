"""The newest closed bars of all series, read once and then kept up with the database."""

import time
from collections.abc import Callable, Sequence

from core.errors import InvalidInput
from market import signal_selectors
from market.domain.candles import INTERVAL_MS, bar_open
from market.indicators import EliteTechnicalEngine
from market.indicators.result import Indicators
from market.scanner.history import History, panel
from market.scanner.scan import indicators_of, unbroken

# Audit and back-fill may change what is stored: everything is read anew this often.
READ_AGAIN_SECONDS = 600.0
NONE = History.of([])


class BarMemory:
    """Bars of one venue; ``count`` of each series are kept."""

    def __init__(
        self, venue: str, count: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._venue = venue
        self._count = count
        self._monotonic = monotonic
        self._bars: dict[tuple[str, str], History] = {}
        self._computed: dict[tuple[str, str], tuple[int, Indicators]] = {}
        self._read_at: dict[str, float] = {}

    def read(self, interval: str, symbols: Sequence[str], now_ms: int) -> None:
        """Bring the bars of an interval up to the database."""
        now = self._monotonic()
        whole = now - self._read_at.get(interval, -1e9) >= READ_AGAIN_SECONDS
        known = [symbol for symbol in symbols if (symbol, interval) in self._bars]
        if whole:
            self._forget(interval)
            self._read_at[interval] = now
            known = []
        start = bar_open(now_ms, interval) - self._count * INTERVAL_MS[interval]
        new = [symbol for symbol in symbols if symbol not in set(known)]
        self._take(interval, new, start)
        if known:
            since = min(self._end(symbol, interval) for symbol in known)
            self._take(interval, known, max(start, since))

    def _forget(self, interval: str) -> None:
        for table in (self._bars, self._computed):
            for place in [place for place in table if place[1] == interval]:
                del table[place]

    def _end(self, symbol: str, interval: str) -> int:
        times = self._bars[symbol, interval].times
        return int(times[-1]) + 1 if len(times) else 0

    def _take(self, interval: str, symbols: Sequence[str], since: int) -> None:
        if not symbols:
            return
        found = signal_selectors.histories(
            venue=self._venue, interval=interval, symbols=symbols, since=since
        )
        for symbol in symbols:
            place = (symbol, interval)
            before = self._bars.get(place, NONE)
            whole = before.followed_by(found.get(symbol, NONE))
            self._bars[place] = whole.last(self._count)

    def newest(self, symbols: Sequence[str], interval: str) -> int:
        """Return the open time of the newest bar of any of them; 0 without bars."""
        ends = [self._bars.get((symbol, interval), NONE).times for symbol in symbols]
        return max((int(times[-1]) for times in ends if len(times)), default=0)

    def of(self, symbol: str, interval: str, last_open: int) -> History:
        """Return the bars of a series up to one; empty when none are stored."""
        return self._bars.get((symbol, interval), NONE).until(last_open)

    def compute(
        self,
        engine: EliteTechnicalEngine,
        symbols: Sequence[str],
        interval: str,
        last_open: int,
    ) -> None:
        """Compute series with the same times together, which takes half the time.

        What cannot be is left for ``indicators``, which says why.
        """
        alike: dict[int, list[tuple[str, History]]] = {}
        for symbol in symbols:
            bars = unbroken(self.of(symbol, interval, last_open), INTERVAL_MS[interval])
            new = self._known_until(symbol, interval) != last_open
            if len(bars) and int(bars.times[-1]) == last_open and new:
                alike.setdefault(len(bars), []).append((symbol, bars))
        for group in alike.values():
            try:
                results = engine.calculate_bars(panel(group))
            except InvalidInput:
                continue
            for (symbol, _), found in zip(group, results, strict=True):
                self._computed[symbol, interval] = last_open, found

    def _known_until(self, symbol: str, interval: str) -> int:
        return self._computed.get((symbol, interval), (0, None))[0]

    def indicators(
        self, engine: EliteTechnicalEngine, symbol: str, interval: str, last_open: int
    ) -> tuple[History, Indicators]:
        """Return the bars after the last gap and what they say; computed once a close.

        Raises ``Unfit``.
        """
        bars = unbroken(self.of(symbol, interval, last_open), INTERVAL_MS[interval])
        newest = int(bars.times[-1])
        kept = self._computed.get((symbol, interval))
        if kept is not None and kept[0] == newest:
            return bars, kept[1]
        found = indicators_of(engine, symbol, bars)
        self._computed[symbol, interval] = newest, found
        return bars, found
