"""The market now: last trades, best prices, the day's statistics, bars being built.

Stepped forward by the engine, always to an instant given by the caller; every number is
a function of that instant, so two processes at the same time show the same.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from market.simulator.bars import BarHistory
from market.simulator.hashing import Ints
from market.simulator.intervals import MINUTE, bar_end, bar_open
from market.simulator.pages import Page, make_page
from market.simulator.prices import DAY_MINUTES
from market.simulator.symbols import Symbol
from market.simulator.trades import CLOSE, COLUMNS, HIGH, LOW, OPEN, VOLUME, TradeTape

_PAGES = 4
_CLOSED_BARS = 64
# A pause of more minutes (a suspended machine) starts afresh in place of replaying.
_CATCH_UP = 60


@dataclass(frozen=True, eq=False)
class Moment:
    """All symbols at one instant; arrays by rank."""

    time_ms: int
    page: Page
    counts: Ints
    last_ids: Ints
    last_prices: Ints
    bids: Ints
    asks: Ints

    @property
    def minute(self) -> int:
        return self.page.minute

    def partial(self) -> Ints:
        """[n, COLUMNS]: bar of the minute so far; meaningless where counts is 0."""
        return self.page.last_of(self.page.running, self.counts)


def combine(
    first: Ints,
    has_first: npt.NDArray[np.bool_],
    second: Ints,
    has_second: npt.NDArray[np.bool_],
) -> Ints:
    """Rows of two neighbouring bars put together where both exist."""
    both = first.copy()
    both[:, HIGH] = np.maximum(first[:, HIGH], second[:, HIGH])
    both[:, LOW] = np.minimum(first[:, LOW], second[:, LOW])
    both[:, CLOSE] = second[:, CLOSE]
    both[:, VOLUME:] += second[:, VOLUME:]
    result: Ints = np.where(
        (has_first & has_second)[:, None],
        both,
        np.where(has_first[:, None], first, second),
    )
    return result


class GrowingBars:
    """The open bar of one interval for all symbols, and the bars closed last."""

    def __init__(self, interval: str, open_ms: int, rows: Ints, minutes: int) -> None:
        self.interval = interval
        self.open_ms = open_ms
        self.rows = rows
        self.minutes = minutes
        self.closed: dict[int, Ints] = {}

    def add_minute(self, minute: int, bars: Ints) -> None:
        """Take in a whole minute; it must be the next one."""
        have = np.full(len(bars), self.minutes > 0)
        self.rows = combine(self.rows, have, bars, np.ones(len(bars), dtype=np.bool_))
        self.minutes += 1
        end = bar_end(self.interval, self.open_ms)
        if (minute + 1) * MINUTE < end:
            return
        self.closed[self.open_ms] = self.rows
        if len(self.closed) > _CLOSED_BARS:
            del self.closed[min(self.closed)]
        self.open_ms, self.minutes = end, 0


class LiveMarket:
    """Holds pages of the last minutes, a day of minute bars, and growing bars."""

    def __init__(
        self, symbols: Sequence[Symbol], tape: TradeTape, bars: BarHistory
    ) -> None:
        self.symbols = symbols
        self.tape = tape
        self.bars = bars
        self.pages: deque[Page] = deque(maxlen=_PAGES)
        self.growing: dict[str, GrowingBars] = {}
        self._ring = np.empty((0, 0, 0), dtype=np.int64)
        self.day_rows = np.empty((0, COLUMNS), dtype=np.int64)
        self._spreads = np.array(
            [symbol.spread_ticks * symbol.tick_units for symbol in symbols]
        )
        self.moment: Moment | None = None
        self._prefetched = 0

    def step(self, time_ms: int) -> Moment:
        """Move to the instant; going back is not possible."""
        minute = time_ms // MINUTE
        if not self.pages or minute - self.pages[-1].minute > _CATCH_UP:
            self._start(minute)
        while self.pages[-1].minute < minute:
            self._roll()
        page = self.pages[-1]
        counts = page.counts_at(time_ms)
        before = self.pages[-2]
        some = counts > 0
        ends = before.lengths
        prices = np.where(
            some, page.last_of(page.prices, counts), before.last_of(before.prices, ends)
        )
        bids = np.where(
            some, page.last_of(page.bids, counts), before.last_of(before.bids, ends)
        )
        self.moment = Moment(
            time_ms=time_ms,
            page=page,
            counts=counts,
            last_ids=page.first_ids + counts - 1,
            last_prices=prices,
            bids=bids,
            asks=bids + self._spreads,
        )
        return self.moment

    def ids_at(self, time_ms: int) -> Ints:
        """Id of the newest trade of each symbol at an instant of the last minutes."""
        minute = time_ms // MINUTE
        for page in reversed(self.pages):
            if page.minute <= minute:
                return page.first_ids + page.counts_at(time_ms) - 1
        return self.pages[0].first_ids - 1

    def prefetch(self, symbols: int) -> None:
        """Compute the next minute of some more symbols, to keep the minute's turn short."""
        minute = self.pages[-1].minute + 1
        for rank in range(self._prefetched, self._prefetched + symbols):
            if rank < len(self.symbols):
                self.tape.minute(self.symbols[rank], minute)
        self._prefetched += symbols

    def grow(self, interval: str) -> GrowingBars:
        """The growing bars of an interval, made on first use."""
        growing = self.growing.get(interval)
        if growing is None:
            minute = self.pages[-1].minute
            opened = bar_open(interval, minute * MINUTE)
            rows = np.zeros((len(self.symbols), COLUMNS), dtype=np.int64)
            minutes = minute - opened // MINUTE
            if minutes:
                for symbol in self.symbols:
                    rows[symbol.rank] = self.bars.open_bar(symbol, interval, minute)[0]
            growing = GrowingBars(interval, opened, rows, minutes)
            self.growing[interval] = growing
        return growing

    def open_rows(self, interval: str, moment: Moment) -> tuple[int, Ints, Ints]:
        """(open time, bars, trade counts) of the bars being built."""
        growing = self.grow(interval)
        have = np.full(len(self.symbols), growing.minutes > 0)
        rows = combine(growing.rows, have, moment.partial(), moment.counts > 0)
        counts = growing.minutes * moment.page.lengths + moment.counts
        return growing.open_ms, rows, counts

    def day_bars(self, moment: Moment) -> Ints:
        """[n, COLUMNS]: the rolling 24 hours: 1,439 whole minutes and the present one."""
        have = np.ones(len(self.symbols), dtype=np.bool_)
        return combine(self.day_rows, have, moment.partial(), moment.counts > 0)

    def last_quantity(self, rank: int, moment: Moment) -> int:
        """Steps of the symbol's last trade."""
        count = int(moment.counts[rank])
        page = moment.page if count else self.pages[-2]
        return int(page.quantities[rank, (count or int(page.lengths[rank])) - 1])

    def forget_from(self, minute: int) -> None:
        """Future minutes changed: compute them again."""
        self.tape.forget_from(minute)
        self.bars.forget_from(minute // DAY_MINUTES)
        self._prefetched = 0

    def _start(self, minute: int) -> None:
        self.pages.clear()
        self.growing.clear()
        for earlier in range(minute - _PAGES + 1, minute + 1):
            self.pages.append(make_page(self.tape, self.symbols, earlier))
        until = minute * MINUTE
        span = (DAY_MINUTES - 1) * MINUTE
        self._ring = np.stack(
            [self.bars.minutes(s, until - span, until) for s in self.symbols], axis=1
        )
        self._sum_day()

    def _roll(self) -> None:
        done = self.pages[-1]
        bars = done.last_of(done.running, done.lengths)
        for growing in self.growing.values():
            growing.add_minute(done.minute, bars)
        # The row of the oldest minute is replaced by the newest one.
        self._ring[done.minute % (DAY_MINUTES - 1)] = bars
        self._sum_day_after(done.minute)
        self.pages.append(make_page(self.tape, self.symbols, done.minute + 1))
        self._prefetched = 0

    def _sum_day(self) -> None:
        newest = self.pages[-1].minute - 1
        # Row of minute m is m mod 1439 from here on.
        self._ring = np.roll(self._ring, (newest + 1) % (DAY_MINUTES - 1), axis=0)
        self._sum_day_after(newest)

    def _sum_day_after(self, newest: int) -> None:
        ring, oldest = self._ring, (newest + 1) % (DAY_MINUTES - 1)
        rows = np.empty((len(self.symbols), COLUMNS), dtype=np.int64)
        rows[:, OPEN] = ring[oldest, :, OPEN]
        rows[:, HIGH] = ring[:, :, HIGH].max(axis=0)
        rows[:, LOW] = ring[:, :, LOW].min(axis=0)
        rows[:, CLOSE] = ring[newest % (DAY_MINUTES - 1), :, CLOSE]
        rows[:, VOLUME:] = ring[:, :, VOLUME:].sum(axis=0)
        self.day_rows = rows
