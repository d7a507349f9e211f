"""Back-fill of one series against the simulator: pages, interruption, what is absent."""

import asyncio

import numpy as np
import pytest

from market import history_backfill as module
from market.binance.rest import BinanceRestClient, RestRefused, RestUnavailable
from market.binance.urls import endpoints
from market.domain.candles import INTERVAL_MS, bar_open
from market.history_backfill import HistoryBackfill, ranges, wanted
from market.simulator.prices import EPOCH_MS

QUARTER = INTERVAL_MS["15m"]
HOUR = INTERVAL_MS["1h"]
PAIR = ("BTCUSDT", "15m")


class Kept:
    """A store in memory."""

    def __init__(self):
        self.times = []

    async def store(self, candles):
        self.times += [c.open_time for c in candles]
        return len(candles)


@pytest.fixture
async def rest(simulator):
    where = endpoints("simulator", simulator.base_url)
    client = BinanceRestClient(where, ca_file=str(simulator.ca_path), concurrency=5)
    await client.initialize()
    yield client
    await client.aclose()


@pytest.fixture
def asked(rest, monkeypatch):
    """What is asked for: (start, number of bars)."""
    klines, seen = rest.klines, []

    async def noted(symbol, interval, *, limit, start):
        seen.append((start, limit))
        return await klines(symbol, interval, limit=limit, start=start)

    monkeypatch.setattr(rest, "klines", noted)
    return seen


def failing(rest, monkeypatch, errors):
    """The next requests raise these errors; None lets one through."""
    klines, left = rest.klines, list(errors)

    async def sometimes(symbol, interval, **options):
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return await klines(symbol, interval, **options)

    monkeypatch.setattr(rest, "klines", sometimes)


def test_the_last_days_are_all_bars_that_closed():
    now = 1_790_000_100_000 + 10_000
    times = wanted("15m", 2, now)
    assert times[-1] == 1_790_000_100_000 - QUARTER
    assert times[0] == bar_open(now - 2 * 86_400_000 + QUARTER - 1, "15m")
    assert set(np.diff(times).tolist()) == {QUARTER}
    assert len(wanted("1w", 1, now)) <= 1


def test_open_times_become_ranges():
    found = ranges(np.array([1, 2, 5], dtype=np.int64) * HOUR, "1h")
    assert [(r.first, r.last, r.bars) for r in found] == [
        (HOUR, 2 * HOUR, 2),
        (5 * HOUR, 5 * HOUR, 1),
    ]


async def test_all_bars_are_fetched_in_pages_of_a_thousand(rest, asked):
    times, kept, told = wanted("15m", 30, rest.server_now_ms()), Kept(), []
    fill = HistoryBackfill(
        rest, PAIR, store=kept.store, show=lambda *step: told.append(step)
    )
    result = await fill.run(times)
    assert kept.times == times.tolist()
    assert (result.stored, result.absent) == (len(times), [])
    assert [limit for _, limit in asked] == [1000, 1000, len(times) - 2000]
    assert told[0] == (0, len(times))
    assert told[-1] == (len(times), len(times))


async def test_what_is_stored_is_not_asked_for_again(rest, asked):
    times, kept = wanted("15m", 20, rest.server_now_ms()), Kept()
    missing = np.concatenate([times[:10], times[700:705], times[1500:]])
    await HistoryBackfill(rest, PAIR, store=kept.store).run(missing)
    assert kept.times == missing.tolist()
    assert asked == [
        (times[0], 10), (times[700], 5), (times[1500], len(times) - 1500)
    ]  # fmt: skip


async def test_small_holes_are_fetched_together_and_only_they_are_stored(rest, asked):
    times, kept = wanted("15m", 10, rest.server_now_ms()), Kept()
    missing = times[100:400:50]
    await HistoryBackfill(rest, PAIR, store=kept.store).run(missing)
    assert kept.times == missing.tolist()
    assert len(asked) == 1


async def test_interrupted_it_goes_on_with_what_is_missing(rest, asked):
    times, kept = wanted("15m", 30, rest.server_now_ms()), Kept()

    async def store(candles):
        count = await kept.store(candles)
        if len(kept.times) >= 2000:
            task.cancel()
            await asyncio.sleep(0)
        return count

    first = HistoryBackfill(rest, PAIR, store=store)
    task = asyncio.create_task(first.run(times))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kept.times == times[:2000].tolist()
    asked.clear()
    missing = times[~np.isin(times, kept.times)]
    await HistoryBackfill(rest, PAIR, store=kept.store).run(missing)
    assert kept.times == times.tolist()
    assert asked == [(times[2000], len(times) - 2000)]


async def test_before_the_first_bar_of_the_exchange_nothing_is_asked_bar_by_bar(
    rest, asked
):
    first = EPOCH_MS - 5000 * HOUR
    missing = np.arange(first, EPOCH_MS + 100 * HOUR, HOUR, dtype=np.int64)
    kept = Kept()
    result = await HistoryBackfill(rest, ("BTCUSDT", "1h"), store=kept.store).run(
        missing
    )
    assert kept.times == missing[missing >= EPOCH_MS].tolist()
    (absent,) = result.absent
    assert (absent.first, absent.last, absent.bars) == (first, EPOCH_MS - HOUR, 5000)
    assert len(asked) == 2


async def test_a_hole_of_the_exchange_is_listed_once_and_its_neighbours_are_stored(
    rest, monkeypatch
):
    times, kept = wanted("15m", 20, rest.server_now_ms()), Kept()
    hole = set(times[950:1100].tolist())
    parse = module.parse_klines
    monkeypatch.setattr(
        module,
        "parse_klines",
        lambda raw, **options: tuple(
            bar for bar in parse(raw, **options) if bar.open_time not in hole
        ),
    )
    result = await HistoryBackfill(rest, PAIR, store=kept.store).run(times)
    assert kept.times == [t for t in times.tolist() if t not in hole]
    (absent,) = result.absent
    assert (absent.first, absent.bars) == (times[950], 150)


async def test_a_page_that_fails_is_asked_again(rest, asked, monkeypatch):
    times, kept = wanted("15m", 20, rest.server_now_ms()), Kept()
    away = RestUnavailable("/fapi/v1/klines: HTTP 503", 503)
    failing(rest, monkeypatch, [None, away, away, away])
    await HistoryBackfill(rest, PAIR, store=kept.store, pause=0).run(times)
    assert kept.times == times.tolist()


@pytest.mark.parametrize(
    "errors",
    [
        [None] + [RestUnavailable("HTTP 503", 503)] * module.ATTEMPTS,
        [None, RestRefused("HTTP 400 Invalid symbol.", 400, -1121)],
    ],
)
async def test_a_page_that_always_fails_ends_it_and_what_was_stored_is_told(
    rest, monkeypatch, errors
):
    times, kept = wanted("15m", 20, rest.server_now_ms()), Kept()
    failing(rest, monkeypatch, errors)
    fill = HistoryBackfill(rest, PAIR, store=kept.store, pause=0)
    with pytest.raises(type(errors[-1])):
        await fill.run(times)
    assert fill.result.stored == len(kept.times) == 1000


async def test_an_answer_that_contradicts_itself_stores_nothing(rest, monkeypatch):
    times, kept = wanted("15m", 1, rest.server_now_ms()), Kept()

    async def nonsense(symbol, interval, **options):
        return b'[[1,"2","1","1","1","1",2,"1",1,"1","1","0"]]'

    monkeypatch.setattr(rest, "klines", nonsense)
    fill = HistoryBackfill(rest, PAIR, store=kept.store, pause=0)
    with pytest.raises(RestUnavailable, match="klines of BTCUSDT 15m"):
        await fill.run(times)
    assert kept.times == []
