"""Storing checked history beside what is stored already."""

import pytest
from django.db import DatabaseError

from market import history_store as module
from market.history.columns import Bars
from market.history_store import Stored, history_store
from market.models import Candle, Series
from tests.market.history.bars import HOUR, START, bar, columns, series

PAIR = ("BTCUSDT", "1h")
pytestmark = pytest.mark.django_db


def put(bars, *, without=(), **options):
    found = columns(bars)
    values = {n: column for n, column in found.values.items() if n not in without}
    part = Bars(found.open_times, found.lines, values)
    return history_store(venue="simulator", pair=PAIR, bars=part, **options)


def stored(name="close"):
    rows = Candle.objects.order_by("open_time").values_list("open_time", name)
    return [((time - START) // HOUR, value) for time, value in rows]


def test_every_value_is_stored_as_it_is_and_the_rows_belong_to_the_venue():
    assert put([bar(0, close=101.1 + 2**-40)]).new == 1
    row = Candle.objects.get()
    assert (row.open_time, row.close, row.trades) == (START, 101.1 + 2**-40, 20)
    assert (row.quote_volume, row.taker_base, row.taker_quote) == (1000.0, 4.0, 400.0)
    assert Series.objects.get().venue == "simulator"


def test_a_second_time_nothing_is_new_and_nothing_is_written(monkeypatch):
    assert put(series(30)) == Stored(new=30)
    writes = []
    upsert = module.services.candle_store.upsert
    monkeypatch.setattr(
        module.services.candle_store,
        "upsert",
        lambda rows: writes.append(n := upsert(rows)) or n,
    )
    assert put(series(30)) == Stored(equal=30)
    assert writes == [0]


def test_bars_that_differ_are_kept_and_named_unless_they_shall_be_replaced():
    put(series(5))
    changed = series(8)
    changed[2]["close"] = 105.0
    result = put(changed)
    assert (result.new, result.equal, result.different) == (3, 4, 1)
    (text,) = result.differences
    assert text == "2023-11-15 02:00: close 101.5 stored, 105.0 in the file"
    assert dict(stored())[2] == 101.5
    assert put(changed, replace=True).different == 1
    assert dict(stored())[2] == 105.0
    assert put(changed) == Stored(equal=8)


def test_columns_that_the_file_lacks_are_not_compared_and_keep_what_is_stored():
    put(series(3))
    changed = series(4)
    changed[1]["close"] = 105.0
    lacking = ("trades", "taker_base")
    result = put(changed, without=lacking, replace=True)
    assert (result.new, result.equal, result.different) == (1, 2, 1)
    assert [value for _, value in stored("trades")] == [20, 21, 22, 0]
    assert dict(stored())[1] == 105.0


def test_another_venue_and_interval_are_other_series():
    put(series(3))
    found = columns(series(3))
    result = history_store(venue="bitstamp", pair=PAIR, bars=found)
    assert (result.new, Candle.objects.count()) == (3, 6)


def test_what_was_stored_before_a_failure_stays_and_the_next_run_goes_on(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 10)
    store_rows, told = module.services.CandleStore.store_rows, []

    def fail(self, pair, rows):
        if len(told) == 3:
            raise DatabaseError("disk full")
        return store_rows(self, pair, rows)

    monkeypatch.setattr(module.services.CandleStore, "store_rows", fail)
    result = Stored()
    with pytest.raises(DatabaseError):
        put(series(35), show=told.append, result=result)
    assert (told, result.new, Candle.objects.count()) == ([0, 10, 20], 20, 20)
    monkeypatch.undo()
    assert put(series(35)) == Stored(new=15, equal=20)


def test_many_differences_are_counted_and_the_first_twenty_named():
    put(series(40))
    result = put([bar(n, close=99.0) for n in range(40)])
    assert (result.different, len(result.differences)) == (40, 20)
