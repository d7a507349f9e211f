"""The gap ledger in a real database."""

import pytest

from market import selectors, services
from market.domain.candles import MissingBars
from market.domain.types import Candle
from market.gaps import GapLedger
from tests.clock import FakeClock

STEP = 900_000
START = 1_790_000_100_000 // STEP * STEP


def bar(number):
    at = START + number * STEP
    return Candle(
        "BTCUSDT", "15m", at, at + STEP - 1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1, 1.0, 1.0,
        True, at + STEP,
    )  # fmt: skip


def missing(first, last):
    return MissingBars("BTCUSDT", "15m", START + first * STEP, START + last * STEP)


def rows(**filters):
    return selectors.gaps(venue="simulator", **filters)


@pytest.fixture
def ledger():
    return GapLedger("simulator", FakeClock())


@pytest.mark.parametrize(("first", "last", "bars"), [(0, 0, 1), (0, 1, 2), (3, 9, 7)])
def test_a_range_counts_both_of_its_ends(first, last, bars):
    assert missing(first, last).bars == bars


@pytest.mark.django_db(transaction=True)
async def test_a_gap_is_open_with_its_cause_until_it_is_proven(ledger):
    from channels.db import database_sync_to_async

    await ledger.opened([missing(1, 3)], "market-1: closed with 1006")
    (row,) = await database_sync_to_async(rows)()
    assert (row["state"], row["missing"], row["found"]) == ("open", 3, 0)
    assert row["cause"] == "market-1: closed with 1006"
    store = services.CandleStore("simulator")
    await database_sync_to_async(store.store)([bar(n) for n in range(5)])
    await ledger.settled([missing(1, 3)])
    (row,) = await database_sync_to_async(rows)()
    assert (row["state"], row["found"], row["note"]) == ("filled", 3, "")
    assert row["closed_at"] is not None


@pytest.mark.django_db
def test_what_the_exchange_does_not_have_is_said():
    services.gaps_open(
        venue="simulator", ranges=[missing(0, 4)], cause="outage", now_ms=1
    )
    services.CandleStore("simulator").store([bar(0), bar(4)])
    services.gaps_settle(venue="simulator", ranges=[missing(0, 4)], now_ms=2)
    (row,) = rows()
    assert (row["state"], row["found"]) == ("unfillable", 2)
    assert "no 3 of them" in row["note"]
    assert selectors.gap_totals(venue="simulator") == {
        "open": 0,
        "filled": 0,
        "unfillable": 1,
        "missing": 3,
        "missing_trades": 0,
    }


@pytest.mark.django_db
def test_trades_that_are_missing_are_not_counted_as_bars():
    services.trade_gaps_open(
        venue="simulator", holes=[("BTCUSDT", 1000, 1999)], cause="", now_ms=1
    )
    totals = selectors.gap_totals(venue="simulator")
    assert (totals["missing"], totals["missing_trades"]) == (0, 1000)


@pytest.mark.django_db
def test_a_gap_that_is_fetched_again_looks_open_in_every_column():
    gap = {"venue": "simulator", "ranges": [missing(0, 4)]}
    services.gaps_open(**gap, cause="outage", now_ms=1)
    services.CandleStore("simulator").store([bar(0)])
    services.gaps_settle(**gap, now_ms=2)
    services.gaps_open(**gap, cause="again", now_ms=3)
    (row,) = rows()
    assert (row["state"], row["found"], row["note"]) == ("open", 0, "")
    assert row["closed_at"] is None


@pytest.mark.django_db
def test_an_open_gap_that_grows_keeps_its_row_and_its_first_cause():
    for last, cause in ((2, "first loss"), (6, "later loss")):
        services.gaps_open(
            venue="simulator", ranges=[missing(1, last)], cause=cause, now_ms=last
        )
    (row,) = rows()
    assert (row["missing"], row["cause"], row["detected_at"]) == (6, "first loss", 2)


@pytest.mark.django_db
def test_rows_are_listed_newest_first_by_state_and_symbol_with_a_cursor():
    for number in range(5):
        services.gaps_open(
            venue="simulator",
            ranges=[missing(number * 10, number * 10 + 1)],
            cause="",
            now_ms=number,
        )
    ids = [row["id"] for row in rows()]
    assert ids == sorted(ids, reverse=True)
    assert [row["id"] for row in rows(after=ids[1], limit=2)] == ids[2:4]
    assert rows(state="filled") == []
    assert rows(symbol="ETHUSDT") == []
    assert selectors.gaps(venue="binance") == []


@pytest.mark.django_db
def test_coverage_counts_the_bars_of_the_day_per_series():
    services.CandleStore("simulator").store([bar(n) for n in range(200) if n != 7])
    day = START // selectors.DAY_MS * selectors.DAY_MS
    (row,) = selectors.coverage(venue="simulator", day_ms=day)
    in_day = [n for n in range(200) if day <= START + n * STEP < day + selectors.DAY_MS]
    assert row["bars"] == len([n for n in in_day if n != 7])
    assert row["newest"] == START + in_day[-1] * STEP
    (later,) = selectors.coverage(venue="simulator", day_ms=day + 9 * selectors.DAY_MS)
    assert (later["bars"], later["newest"]) == (0, None)
    assert later["first"] == row["first"] == START
