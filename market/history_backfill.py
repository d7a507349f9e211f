"""Fetching the stored history of one series backwards from now, page by page.

Only bars that are not stored are asked for, so the same call goes on after any
interruption. What the exchange does not have is listed once, as ranges.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from market.backfill import GRACE_MS, Pair
from market.binance.rest import (
    BinanceRestClient,
    RestBanned,
    RestError,
    RestGarbled,
    RestRefused,
)
from market.binance.rest_schemas import BadBody, parse_klines
from market.domain.candles import INTERVAL_MS, bar_open
from market.domain.types import Candle
from market.history.columns import Ints
from market.history.validation import Gap

log = logging.getLogger(__name__)

# A page of 1000 weighs 5, one of 1500 weighs 10: more bars for the same budget.
PAGE_BARS = 1000
# Stored bars between missing ones are passed over from this number on; fewer are
# cheaper to ask for again than another request.
SKIPPED_BARS = 100
ATTEMPTS = 4
PAUSE_SECONDS = 2.0
DAY_MS = 86_400_000

Store = Callable[[Sequence[Candle]], Awaitable[int]]
# How many of the missing bars are dealt with, of how many.
Show = Callable[[int, int], None]


@dataclass
class Filled:
    """What a back-fill did: ``absent`` are ranges that the exchange does not have.

    ``missing`` of the ``wanted`` bars were not stored before.
    """

    wanted: int = 0
    missing: int = 0
    stored: int = 0
    absent: list[Gap] = field(default_factory=list)


def wanted(interval: str, days: int, now_ms: int) -> Ints:
    """Return the open times of the closed bars of the last ``days``."""
    length = INTERVAL_MS[interval]
    last = bar_open(now_ms - GRACE_MS, interval) - length
    first = bar_open(now_ms - days * DAY_MS + length - 1, interval)
    return np.arange(first, last + 1, length, dtype=np.int64)


class HistoryBackfill:
    """Fills one series over ``rest``; ``result`` is true at any moment."""

    def __init__(
        self,
        rest: BinanceRestClient,
        pair: Pair,
        *,
        store: Store,
        show: Show = lambda done, missing: None,
        pause: float = PAUSE_SECONDS,
        result: Filled | None = None,
    ) -> None:
        self._rest = rest
        self._symbol, self._interval = pair
        self._length = INTERVAL_MS[self._interval]
        self._store = store
        self._show = show
        self._pause = pause
        self._absent = np.zeros(0, dtype=np.int64)
        self.result = result or Filled()

    async def run(self, missing: Ints) -> Filled:
        """Fetch and store the bars of these open times, oldest first.

        Raises ``RestError`` and what ``store`` raises; what was stored stays.
        """
        self.result.missing = len(missing)
        at = 0
        while at < len(missing):
            self._show(at, len(missing))
            count = _page(missing[at : at + PAGE_BARS], self._length)
            page = missing[at : at + count]
            last = int(page[-1])
            bars = await self._fetch(int(page[0]), last)
            if bars:
                # Before its first bar the exchange has none: years before a listing.
                last = max(last, bars[0].open_time - self._length)
            asked = set(page.tolist())
            found = [bar for bar in bars if bar.open_time in asked]
            if found:
                self.result.stored += await self._store(found)
            reached = int(np.searchsorted(missing, last, side="right"))
            self._note_absent(missing[at:reached], found)
            at = reached
        self._show(at, len(missing))
        return self.result

    async def _fetch(self, first: int, last: int) -> list[Candle]:
        """Return closed bars from ``first``, as many as there are up to ``last``."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._ask(first, last)
            except (RestBanned, RestRefused):
                raise
            except RestError as error:
                if attempt == ATTEMPTS:
                    raise
                log.warning("asked again after %s", error)
                await asyncio.sleep(self._pause * 2 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")

    async def _ask(self, first: int, last: int) -> list[Candle]:
        count = (last - first) // self._length + 1
        raw = await self._rest.klines(
            self._symbol, self._interval, limit=count, start=first
        )
        bars = parse_klines(
            raw,
            symbol=self._symbol,
            interval=self._interval,
            now_ms=self._rest.server_now_ms(),
        )
        if isinstance(bars, BadBody):
            what = f"klines of {self._symbol} {self._interval}"
            raise RestGarbled(f"{what}: {bars.reason}", 200)
        return [bar for bar in bars if bar.closed]

    def _note_absent(self, asked: Ints, found: Sequence[Candle]) -> None:
        there = np.array([bar.open_time for bar in found], dtype=np.int64)
        absent = asked[~np.isin(asked, there)]
        self._absent = np.concatenate([self._absent, absent])
        self.result.absent = ranges(self._absent, self._interval)


def _page(missing: Ints, length: int) -> int:
    """Return how many of these missing bars one request brings."""
    within = missing < missing[0] + PAGE_BARS * length
    skips = np.flatnonzero(np.diff(missing) > SKIPPED_BARS * length)
    count = int(np.count_nonzero(within))
    return min(count, int(skips[0]) + 1) if len(skips) else count


def ranges(missing: Ints, interval: str) -> list[Gap]:
    """Return open times as ranges without holes."""
    if not len(missing):
        return []
    breaks = np.flatnonzero(np.diff(missing) != INTERVAL_MS[interval])
    firsts = missing[np.concatenate([[0], breaks + 1])].tolist()
    lasts = missing[np.concatenate([breaks, [len(missing) - 1]])].tolist()
    length = INTERVAL_MS[interval]
    return [
        Gap(first, last, (last - first) // length + 1)
        for first, last in zip(firsts, lasts, strict=True)
    ]
