"""Bars that the streams did not bring are fetched from REST.

A bar counts as missing when it closed more than a grace time ago (the exchange sends
the final frame up to 2 s late, so nothing is asked before 5 s) and no stream brought
it. After a fetch the series is taken as known up to the last bar of the answer: what
the exchange itself does not have is said once and not asked again.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence

from market.binance.rest import BinanceRestClient, RestError
from market.binance.rest_schemas import BadBody, parse_klines
from market.domain.candles import INTERVAL_MS, MissingBars, bar_open
from market.domain.types import Candle
from market.gaps import Ledger, NoLedger

log = logging.getLogger(__name__)

GRACE_MS = 5_000
MAX_BARS = 1500
EMPTY_ANSWERS = 5

Pair = tuple[str, str]
Store = Callable[[Sequence[Candle]], Awaitable[int]]


class Backfill:
    """What is known of each series of one venue, and the fetching of what is not."""

    def __init__(
        self,
        rest: BinanceRestClient,
        store: Store,
        *,
        history_bars: int,
        concurrency: int,
        grace_ms: int = GRACE_MS,
        ledger: Ledger | None = None,
    ) -> None:
        self._grace_ms = grace_ms
        self._ledger = ledger or NoLedger()
        self._new: set[Pair] = set()
        self._rest = rest
        self._store = store
        self._history = history_bars
        self._slots = asyncio.Semaphore(concurrency)
        self._known: dict[Pair, int] = {}
        self._empty: Counter[Pair] = Counter()
        self.filled = 0
        self.failed: dict[Pair, str] = {}
        self.done = 0
        self.planned = 0

    def learn(self, pair: Pair, open_times: Sequence[int], now_ms: int) -> None:
        """Begin a series: ``open_times`` are its stored bars of the history window."""
        step = INTERVAL_MS[pair[1]]
        self._known[pair] = self.window_start(pair[1], now_ms) - step
        self.found(pair, open_times)
        # The first history of a series was never missed by a stream.
        if open_times:
            self._new.discard(pair)
        else:
            self._new.add(pair)

    def found(self, pair: Pair, open_times: Sequence[int]) -> None:
        """These bars of a series are stored, in order, by whomever."""
        step = INTERVAL_MS[pair[1]]
        known = self._known[pair]
        for open_time in open_times:
            if open_time > known + step:
                break
            known = max(known, open_time)
        self._known[pair] = known

    def window_start(self, interval: str, now_ms: int) -> int:
        """Return the open time of the oldest bar that is wanted."""
        return bar_open(now_ms, interval) - self._history * INTERVAL_MS[interval]

    @property
    def pairs(self) -> list[Pair]:
        """The series that are followed."""
        return list(self._known)

    def forget(self, pairs: Iterable[Pair]) -> None:
        """Follow these series no longer."""
        for pair in pairs:
            self._known.pop(pair, None)
            self.failed.pop(pair, None)

    def arrived(self, candle: Candle) -> None:
        """A stream brought a closed bar."""
        pair = (candle.symbol, candle.interval)
        known = self._known.get(pair)
        if known is not None and candle.open_time == known + INTERVAL_MS[pair[1]]:
            self._known[pair] = candle.open_time

    def known(self, pair: Pair) -> int:
        """Return the open time up to which no bar of a series is missing."""
        return self._known[pair]

    def missing(self, now_ms: int) -> list[Pair]:
        """Return the series with a bar that closed and never came."""
        return [
            pair
            for pair, known in self._known.items()
            if known + 2 * INTERVAL_MS[pair[1]] + self._grace_ms <= now_ms
        ]

    async def fill(
        self,
        now_ms: Callable[[], int],
        first: Iterable[str] = (),
        cause: str = "not brought by the stream",
    ) -> int:
        """Fetch and store everything missing and return the number of bars.

        Symbols in ``first`` (somebody looks at them) come before the others. A series
        that fails is listed in ``failed`` and stays missing; the others go on. What
        cannot be stored stays missing too: raises what the store raised, at the end.
        """
        wanted = set(first)
        now = now_ms()
        pairs = sorted(self.missing(now), key=lambda pair: pair[0] not in wanted)
        if not pairs:
            return 0
        gaps = {pair: self._range(pair, now) for pair in pairs if pair not in self._new}
        await self._ledger.opened(list(gaps.values()), cause)
        self.planned, self.done = len(pairs), 0
        jobs = [self._fill_one(pair, now_ms) for pair in pairs]
        total = 0
        # All of them end before an error is told: none goes on behind the next call.
        for result in await asyncio.gather(*jobs, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
            total += result
        self.filled += total
        reached = [
            gap for pair, gap in gaps.items() if self._known.get(pair, 0) >= gap.last
        ]
        await self._ledger.settled(reached)
        self._new.difference_update(pair for pair in pairs if pair not in self.failed)
        return total

    def _range(self, pair: Pair, now_ms: int) -> MissingBars:
        """Return the missing bars that closed before the grace time."""
        symbol, interval = pair
        step = INTERVAL_MS[interval]
        last = bar_open(now_ms - self._grace_ms, interval) - step
        return MissingBars(symbol, interval, self._known[pair] + step, last)

    async def _fill_one(self, pair: Pair, now_ms: Callable[[], int]) -> int:
        try:
            bars = await self._fetch_in_turn(pair, now_ms)
            if bars is None:
                return 0
            # The next fetch does not wait for the storing of this one.
            stored = await self._store(bars) if bars else 0
            # Only now: bars that could not be stored must be fetched again.
            self._advance(pair, bars)
            return stored
        finally:
            self.done += 1

    async def _fetch_in_turn(
        self, pair: Pair, now_ms: Callable[[], int]
    ) -> list[Candle] | None:
        """Return the missing bars, or None when there is nothing to store."""
        async with self._slots:
            known = self._known.get(pair)
            if known is None:  # forgotten while it waited for its turn
                return None
            try:
                bars = await self._fetch(pair, known, now_ms())
            except RestError as error:
                if pair not in self.failed:
                    log.warning("bars of %s %s not fetched: %s", *pair, error)
                self.failed[pair] = str(error)
                return None
        self.failed.pop(pair, None)
        return bars

    async def _fetch(self, pair: Pair, known: int, now: int) -> list[Candle]:
        symbol, interval = pair
        step = INTERVAL_MS[interval]
        start = known + step
        limit = min(MAX_BARS, max(1, (now - start) // step + 1))
        raw = await self._rest.klines(symbol, interval, limit=limit, start=start)
        bars = parse_klines(raw, symbol=symbol, interval=interval, now_ms=now)
        if isinstance(bars, BadBody):
            raise RestError(f"klines of {symbol} {interval}: {bars.reason}")
        return [bar for bar in bars if bar.closed]

    def _advance(self, pair: Pair, closed: list[Candle]) -> None:
        """Take the series as known up to the answer's last bar."""
        step = INTERVAL_MS[pair[1]]
        if pair not in self._known:
            return
        if closed:
            expected = range(self._known[pair] + step, closed[-1].open_time + 1, step)
            absent = len(expected) - len(closed)
            if absent > 0:
                log.warning("the exchange has no %d bars of %s %s", absent, *pair)
            self._known[pair] = max(self._known[pair], closed[-1].open_time)
            del self._empty[pair]
            return
        self._empty[pair] += 1
        if self._empty[pair] >= EMPTY_ANSWERS:
            log.warning("the exchange has no bar of %s %s: not asked again", *pair)
            self._known[pair] += step
            del self._empty[pair]
