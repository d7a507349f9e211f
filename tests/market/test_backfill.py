import asyncio
import json

import pytest
from django.db import OperationalError
from hypothesis import given, settings
from hypothesis import strategies as st

from market.backfill import EMPTY_ANSWERS, GRACE_MS, MAX_BARS, Backfill
from market.binance.rest import RestUnavailable
from tests.market import frames

STEP = frames.QUARTER_MS
PAIRS = [("BTCUSDT", "15m"), ("ETHUSDT", "15m")]


class Venue:
    """An exchange's klines and a database, both in memory and both able to fail."""

    def __init__(self, *, bars=10, absent=()):
        self.bars = bars
        self.absent = set(absent)
        self.stored = {}
        self.asked = []
        self.rest_fails = self.store_fails = False
        self.during_fetch = lambda: None

    @property
    def now(self):
        """Just past the grace time of the last closed bar."""
        return frames.BASE_MS + self.bars * STEP + GRACE_MS

    def now_ms(self):
        return self.now

    async def klines(self, symbol, interval, *, limit, start):
        self.asked.append((symbol, start, limit))
        await asyncio.sleep(0)
        self.during_fetch()
        if self.rest_fails:
            raise RestUnavailable("HTTP 503", 503)
        first = max(0, -(-(start - frames.BASE_MS) // STEP))
        numbers = [n for n in range(first, self.bars + 1) if n not in self.absent]
        return json.dumps([self._row(n) for n in numbers[:limit]]).encode()

    def _row(self, number):
        opened = frames.BASE_MS + number * STEP
        return [
            opened, "1.5", "9.0", "0.5", "1.5", "10.0", opened + STEP - 1, "15.0", 2,
            "5.0", "7.5", "0",
        ]  # fmt: skip

    async def store(self, candles):
        await asyncio.sleep(0)
        if self.store_fails:
            raise OperationalError("database is locked")
        for candle in candles:
            self.keep(candle)
        return len(candles)

    def keep(self, candle):
        self.stored[candle.symbol, candle.interval, candle.open_time] = candle

    def numbers(self, pair):
        times = sorted(key[2] for key in self.stored if key[:2] == pair)
        return [(at - frames.BASE_MS) // STEP for at in times]

    def backfill(self, **options):
        return Backfill(
            self, self.store, **{"history_bars": 5, "concurrency": 2} | options
        )


def begin(venue, backfill, stored=()):
    for pair in PAIRS:
        times = [frames.BASE_MS + n * STEP for n in stored]
        backfill.learn(pair, times, venue.now)


async def test_an_empty_database_gets_the_history_window_and_no_unfinished_bar():
    venue = Venue(bars=10)
    backfill = venue.backfill()
    begin(venue, backfill)
    assert await backfill.fill(venue.now_ms) == 10
    assert [venue.numbers(pair) for pair in PAIRS] == [[5, 6, 7, 8, 9]] * 2
    assert backfill.missing(venue.now) == []
    assert await backfill.fill(venue.now_ms) == 0


async def test_only_what_is_missing_after_the_stored_bars_is_asked_for():
    venue = Venue(bars=10)
    backfill = venue.backfill()
    begin(venue, backfill, stored=[5, 6, 7])
    await backfill.fill(venue.now_ms)
    assert venue.asked[0] == ("BTCUSDT", frames.BASE_MS + 8 * STEP, 3)
    assert venue.numbers(PAIRS[0]) == [8, 9]


async def test_a_hole_among_the_stored_bars_is_filled():
    venue = Venue(bars=10)
    backfill = venue.backfill()
    begin(venue, backfill, stored=[5, 6, 8, 9])
    await backfill.fill(venue.now_ms)
    assert {7, 8, 9} <= set(venue.numbers(PAIRS[0]))


async def test_how_long_a_bar_is_waited_for_is_a_setting():
    venue = Venue(bars=10)
    backfill = venue.backfill(grace_ms=4 * STEP)
    begin(venue, backfill, stored=[5])
    assert backfill.missing(venue.now) == []
    assert backfill.missing(frames.BASE_MS + 11 * STEP) == PAIRS


async def test_a_bar_is_given_time_to_come_before_it_is_asked_for():
    venue = Venue(bars=10)
    backfill = venue.backfill()
    begin(venue, backfill, stored=[5, 6, 7, 8])
    assert backfill.missing(venue.now - 1) == []
    assert backfill.missing(venue.now) == PAIRS


async def test_what_the_stream_brings_is_not_asked_for():
    venue = Venue(bars=10)
    backfill = venue.backfill()
    begin(venue, backfill, stored=[5, 6, 7])
    for number in (8, 9):
        backfill.arrived(frames.candle("BTCUSDT", number))
    assert backfill.missing(venue.now) == [PAIRS[1]]


async def test_symbols_somebody_looks_at_come_first():
    venue = Venue()
    backfill = venue.backfill(concurrency=1)
    begin(venue, backfill)
    await backfill.fill(venue.now_ms, first=["ETHUSDT"])
    assert [symbol for symbol, *_ in venue.asked] == ["ETHUSDT", "BTCUSDT"]


async def test_bars_that_could_not_be_stored_are_fetched_again():
    venue = Venue()
    backfill = venue.backfill()
    begin(venue, backfill)
    venue.store_fails = True
    with pytest.raises(OperationalError):
        await backfill.fill(venue.now_ms)
    assert backfill.missing(venue.now) == PAIRS
    venue.store_fails = False
    assert await backfill.fill(venue.now_ms) == 10


async def test_a_series_that_fails_is_listed_and_the_others_go_on():
    venue = Venue()
    backfill = venue.backfill(concurrency=1)
    begin(venue, backfill)

    def first_fails():
        venue.rest_fails = len(venue.asked) == 1

    venue.during_fetch = first_fails
    assert await backfill.fill(venue.now_ms) == 5
    assert backfill.failed == {PAIRS[0]: "HTTP 503"}
    assert await backfill.fill(venue.now_ms) == 5
    assert backfill.failed == {}
    assert backfill.filled == 10


async def test_a_series_forgotten_while_it_is_fetched_is_no_error():
    venue = Venue()
    backfill = venue.backfill(concurrency=1)
    begin(venue, backfill)
    venue.during_fetch = lambda: backfill.forget(PAIRS)
    await backfill.fill(venue.now_ms)
    assert backfill.missing(venue.now) == []


async def test_what_the_exchange_does_not_have_is_not_asked_for_again(caplog):
    venue = Venue(bars=10, absent={6, 7})
    backfill = venue.backfill()
    begin(venue, backfill)
    await backfill.fill(venue.now_ms)
    assert backfill.missing(venue.now) == []
    assert "the exchange has no 2 bars of BTCUSDT 15m" in caplog.text


async def test_an_exchange_without_the_newest_bars_is_asked_a_few_times_only():
    venue = Venue(bars=10, absent={9, 10})
    backfill = venue.backfill()
    begin(venue, backfill, stored=[5, 6, 7, 8])
    for _ in range(3 * EMPTY_ANSWERS):
        await backfill.fill(venue.now_ms)
    assert len(venue.asked) == EMPTY_ANSWERS * len(PAIRS)


async def test_a_gap_larger_than_one_answer_is_filled_in_rounds():
    venue = Venue(bars=MAX_BARS * 2)
    backfill = venue.backfill(history_bars=5)
    begin(venue, backfill)
    for pair in PAIRS:
        backfill.learn(pair, [], frames.BASE_MS + 5 * STEP)
    while backfill.missing(venue.now):
        await backfill.fill(venue.now_ms)
    assert venue.numbers(PAIRS[0]) == list(range(MAX_BARS * 2))


STEPS = st.one_of(
    st.tuples(st.just("stream"), st.integers(0, 1), st.booleans()),
    st.tuples(st.just("fill"), st.booleans(), st.booleans()),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=40), st.sets(st.integers(5, 9)))
def test_whatever_the_streams_bring_nothing_is_missing_after_the_fill(steps, stored):
    """Streams lose bars, REST and database fail: the next good fill completes all."""

    async def live():
        venue = Venue(bars=10)
        backfill = venue.backfill()
        begin(venue, backfill, stored=sorted(stored))
        for pair in PAIRS:
            for number in stored:
                venue.keep(frames.candle(pair[0], number))
        for step, first, second in steps:
            if step == "stream":
                symbol = PAIRS[first][0]
                venue.bars += 1
                if second:
                    bar = frames.candle(symbol, venue.bars - 1)
                    venue.keep(bar)
                    backfill.arrived(bar)
                continue
            venue.rest_fails, venue.store_fails = first, second
            try:
                await backfill.fill(venue.now_ms)
            except OperationalError:
                assert venue.store_fails
        venue.rest_fails = venue.store_fails = False
        while backfill.missing(venue.now):
            await backfill.fill(venue.now_ms)
        for pair in PAIRS:
            assert venue.numbers(pair) == list(range(5, venue.bars))

    asyncio.run(live())
