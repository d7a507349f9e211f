import pytest
from django.db import DatabaseError, IntegrityError, connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from market import candle_store
from market.candle_store import COLUMNS, upsert
from market.models import Candle, Series


def row(series, at, close=1.0, **changes):
    values = dict.fromkeys(COLUMNS, 1.0) | {
        "series_id": series, "open_time": at, "trades": 3, "close": close,
    } | changes  # fmt: skip
    return tuple(values[name] for name in COLUMNS)


def stored():
    return {
        (c.series_id, c.open_time): c.close
        for c in Candle.objects.order_by("series_id", "open_time")
    }


@pytest.fixture
def series(db):
    made = Series.objects.create(venue="simulator", symbol="BTCUSDT", interval="15m")
    return made.id


def test_every_column_is_stored_as_given(series):
    values = dict(zip(COLUMNS, row(series, 900_000), strict=True))
    for number, name in enumerate(COLUMNS[2:]):
        values[name] = number + (0 if name == "trades" else 0.1 + 2**-40)
    assert upsert([tuple(values.values())]) == 1
    kept = Candle.objects.values(*COLUMNS).get()
    assert kept == values


def test_nothing_to_store_is_no_error(series, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert upsert([]) == 0


def test_storing_again_replaces_and_of_equal_keys_the_last_counts(series):
    assert upsert([row(series, 1, 1.0), row(series, 2, 2.0)]) == 2
    assert upsert([row(series, 2, 3.0), row(series, 3, 4.0), row(series, 3, 5.0)]) == 2
    assert stored() == {(series, 1): 1.0, (series, 2): 3.0, (series, 3): 5.0}


def test_ten_thousand_rows_go_in_one_call(series):
    assert upsert(row(series, n) for n in range(10_000)) == 10_000
    assert upsert(row(series, n, 2.0) for n in range(10_000)) == 10_000
    assert Candle.objects.filter(close=2.0).count() == 10_000


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("bad", [{"close": None}, {"open_time": None}])
def test_one_bad_row_and_none_is_stored(bad):
    made = Series.objects.create(venue="simulator", symbol="A", interval="1h")
    rows = [row(made.id, n) for n in range(500)]
    rows.insert(250, row(made.id, 999, **bad))
    with pytest.raises(DatabaseError):
        upsert(rows)
    assert Candle.objects.count() == 0
    assert upsert([row(made.id, 1)]) == 1


@pytest.mark.django_db(transaction=True)
def test_a_series_that_does_not_exist_is_refused():
    with pytest.raises(IntegrityError):
        upsert([row(12_345, 1)])
    assert Candle.objects.count() == 0


def test_a_bar_may_have_more_quote_volume_than_an_integer_holds(series):
    upsert([row(series, 1, quote_volume=9.9e18, open_time=2**52)])
    assert Candle.objects.get().quote_volume == 9.9e18


class AnyOrder(TestCase):
    """Whatever comes in whatever batches: the last value of each key is there."""

    @settings(max_examples=30, deadline=None)
    @given(
        st.lists(
            st.lists(
                st.tuples(st.integers(0, 1), st.integers(0, 5), st.floats(0.1, 1e9)),
                max_size=12,
            ),
            max_size=6,
        )
    )
    def test_the_last_value_of_every_key_wins(self, batches):
        ids = [
            Series.objects.create(venue="v", symbol=f"S{n}", interval="15m").id
            for n in range(2)
        ]
        expected = {}
        for batch in batches:
            rows = [row(ids[which], at, close) for which, at, close in batch]
            expected.update({r[:2]: r[5] for r in rows})
            assert upsert(rows) == len({r[:2] for r in rows})
        assert stored() == expected


def test_the_columns_are_those_of_the_table():
    names = [field.column for field in Candle._meta.local_concrete_fields]
    assert sorted(COLUMNS) == sorted(names)
    assert connection.vendor in ("sqlite", "postgresql")
    assert len(candle_store._TYPES) == len(COLUMNS)
