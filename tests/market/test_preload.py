import asyncio

import pytest
from django.db import OperationalError

from market.binance.rest import BinanceRestClient, RestUnavailable
from market.binance.urls import endpoints
from market.domain.candles import INTERVAL_MS, bar_open
from market.preload import ROUNDS, TRADES, Batches, Preload
from tests.market.frames import candle

PAIRS = [("BTCUSDT", "15m"), ("BTCUSDT", "1h"), ("ETHUSDT", "15m"), ("ETHUSDT", "1h")]


class Kept:
    """A store in memory."""

    def __init__(self):
        self.groups = []

    async def store(self, candles):
        self.groups.append(list(candles))
        await asyncio.sleep(0.01)
        return len(self.groups[-1])

    def times(self, pair):
        return sorted(
            c.open_time
            for group in self.groups
            for c in group
            if (c.symbol, c.interval) == pair
        )


@pytest.fixture
async def rest(simulator):
    where = endpoints("simulator", simulator.base_url)
    client = BinanceRestClient(where, ca_file=str(simulator.ca_path), concurrency=5)
    await client.initialize()
    yield client
    await client.aclose()


@pytest.fixture
def preload(rest):
    return Preload(rest, lanes=10, pause=0)


def expected(rest, interval, count):
    newest = bar_open(rest.server_now_ms(), interval)
    return [newest - n * INTERVAL_MS[interval] for n in range(count, 0, -1)]


def failing(rest, monkeypatch, name, times):
    """The first ``times`` requests for this symbol fail."""
    get_raw, seen = rest.get_raw, []

    async def sometimes(path, *, weight, **params):
        if params["symbol"] == name and len(seen) < times:
            seen.append(path)
            raise RestUnavailable(f"{path}: HTTP 503", 503)
        return await get_raw(path, weight=weight, **params)

    monkeypatch.setattr(rest, "get_raw", sometimes)


async def test_every_series_gets_the_bars_asked_for(preload, rest):
    kept = Kept()
    loaded = await preload.bars(PAIRS, 50, store=kept.store, stored={})
    assert (loaded.planned, loaded.found, loaded.failed) == (4, 200, {})
    for pair in PAIRS:
        assert kept.times(pair) == expected(rest, pair[1], 50)
    # Bars that arrive together are stored together.
    assert len(kept.groups) < len(PAIRS)


async def test_what_is_stored_already_is_not_asked_for_again(preload, rest):
    kept = Kept()
    times = expected(rest, "15m", 50)
    stored = {PAIRS[0]: times, PAIRS[2]: times[:40]}
    loaded = await preload.bars(
        [PAIRS[0], PAIRS[2]], 50, store=kept.store, stored=stored
    )
    assert loaded.found == 10
    assert kept.times(PAIRS[2]) == times[40:]


async def test_a_series_that_fails_now_and_then_is_asked_again(
    preload, rest, monkeypatch
):
    kept = Kept()
    failing(rest, monkeypatch, "ETHUSDT", ROUNDS - 1)
    loaded = await preload.bars(PAIRS, 5, store=kept.store, stored={})
    assert loaded.failed == {}
    assert all(len(kept.times(pair)) == 5 for pair in PAIRS)


async def test_a_series_that_always_fails_is_listed_and_stops_nothing(
    preload, rest, monkeypatch
):
    kept = Kept()
    failing(rest, monkeypatch, "ETHUSDT", 1000)
    loaded = await preload.bars(PAIRS, 5, store=kept.store, stored={})
    assert set(loaded.failed) == {"ETHUSDT 15m", "ETHUSDT 1h"}
    assert "503" in loaded.failed["ETHUSDT 1h"]
    assert loaded.found == 10


async def test_symbols_somebody_looks_at_come_first(rest, monkeypatch):
    asked = []
    klines = rest.klines

    async def noted(symbol, interval, **options):
        asked.append(symbol)
        return await klines(symbol, interval, **options)

    monkeypatch.setattr(rest, "klines", noted)
    preload = Preload(rest, lanes=1)
    await preload.bars(PAIRS, 5, store=Kept().store, stored={}, first=["ETHUSDT"])
    assert asked == ["ETHUSDT"] * 2 + ["BTCUSDT"] * 2


async def test_books_and_trades_are_all_counted(preload):
    books = await preload.books(["BTCUSDT", "ETHUSDT"])
    assert (books.planned, books.found) == (2, 2 * 40)
    trades = await preload.trades(["BTCUSDT", "ETHUSDT"])
    assert (trades.planned, trades.found) == (2, 2 * TRADES)


async def test_a_book_that_fails_is_listed_and_one_that_recovers_is_not(
    preload, rest, monkeypatch
):
    failing(rest, monkeypatch, "ETHUSDT", 1)
    assert (await preload.books(["BTCUSDT", "ETHUSDT"])).failed == {}
    failed = (await preload.books(["BTCUSDT", "NOSUCHUSDT"])).failed
    assert list(failed) == ["NOSUCHUSDT"]


async def test_progress_is_told_until_all_is_done(rest):
    told = []
    preload = Preload(rest, show=lambda *step: told.append(step))
    await preload.bars(PAIRS, 5, store=Kept().store, stored={})
    await preload.books(["BTCUSDT"])
    assert ("series", 4, 4) in told
    assert told[-1] == ("books", 1, 1)
    done = [d for what, d, _ in told if what == "series"]
    assert done == sorted(done)


async def test_what_cannot_be_stored_is_told_to_everybody_who_waits():
    async def fail(candles):
        raise OperationalError("database is locked")

    batches = Batches(fail)
    results = await asyncio.gather(
        *[batches.store([candle("BTCUSDT", n)]) for n in range(3)],
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [OperationalError] * 3
