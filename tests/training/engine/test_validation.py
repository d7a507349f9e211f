"""Every fault is found where it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from tests.training.engine.series import HOUR, START, waves
from training.engine.config import WindowConfig
from training.engine.data import SeriesData, make_splits
from training.engine.validation import BadData, check_series
from training.engine.windows import borders_by_share

COLUMNS = ["open", "high", "low", "close", "extra"]


def bars(count=50):
    random = np.random.default_rng(0)
    close = 100 + random.standard_normal(count)
    open_ = 100 + random.standard_normal(count)
    high = np.maximum(open_, close) + 0.1
    low = np.minimum(open_, close) - 0.1
    values = np.column_stack((open_, high, low, close, random.random(count)))
    return values, START + HOUR * np.arange(count, dtype=np.int64)


def check(values, times, **given):
    check_series("bars", values, times, COLUMNS, step_ms=HOUR, **given)


def test_good_bars_pass():
    check(*bars(), ranges={"extra": (0.0, 1.0)})


@settings(deadline=None)
@given(
    st.integers(1, 49),
    st.sampled_from(COLUMNS),
    st.sampled_from(["nan", "inf", "-inf"]),
)
def test_a_value_that_is_no_number_is_named(row, column, text):
    values, times = bars()
    values[row, COLUMNS.index(column)] = float(text)
    with pytest.raises(BadData) as caught:
        check(values, times)
    found = [
        one for one in caught.value.rows if "NaN" in one.rule or "finite" in one.rule
    ]
    assert [(one.row, one.column) for one in found] == [(row, column)]
    assert found[0].time == times[row]


@settings(deadline=None)
@given(
    st.integers(1, 49),
    st.sampled_from(
        [
            ("high", -50.0, "largest"),
            ("low", 50.0, "smallest"),
            ("close", 90.0, "largest"),
            ("open", -90.0, "smallest"),
        ]
    ),
)
def test_prices_that_contradict_each_other_are_found(row, fault):
    column, change, word = fault
    values, times = bars()
    values[row, COLUMNS.index(column)] += change
    with pytest.raises(BadData, match=word) as caught:
        check(values, times)
    assert {one.row for one in caught.value.rows} == {row}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda times: times.__setitem__(20, times[19]), "repeated"),
        (lambda times: times.__setitem__(20, times[18]), "later than"),
        (
            lambda times: times.__setitem__(slice(20, None), times[20:] + HOUR),
            "must follow",
        ),
    ],
)
def test_times_that_do_not_go_on_are_found(change, word):
    values, times = bars()
    change(times)
    with pytest.raises(BadData, match=word) as caught:
        check(values, times)
    assert caught.value.rows[0].row == 20


def test_a_range_is_kept_and_an_unknown_column_of_it_refused():
    values, times = bars()
    values[7, 4] = 2.0
    with pytest.raises(BadData, match=r"row 7 .*extra = 2: must be 0 to 1"):
        check(values, times, ranges={"extra": (0.0, 1.0)})
    with pytest.raises(InvalidInput, match="no column"):
        check(values, times, ranges={"other": (0.0, 1.0)})


def test_many_faults_are_counted_and_the_first_shown():
    values, times = bars()
    values[:, 4] = np.nan
    with pytest.raises(BadData, match="and 30 more") as caught:
        check(values, times)
    assert caught.value.total == 50
    assert [one.row for one in caught.value.rows] == list(range(20))


def test_huge_finite_values_are_no_fault():
    values, times = bars()
    values[3, 4] = 1e308
    values[4, 4] = 1e308
    check(values, times)


FAULTS = {
    "nan": lambda values, times, row, at: values.__setitem__((row, at), np.nan),
    "inf": lambda values, times, row, at: values.__setitem__((row, at), np.inf),
    "-inf": lambda values, times, row, at: values.__setitem__((row, at), -np.inf),
    "range": lambda values, times, row, at: values.__setitem__((row, 4), 3.0),
    "high": lambda values, times, row, at: values.__setitem__((row, 1), 1.0),
    "low": lambda values, times, row, at: values.__setitem__((row, 2), 999.0),
    "repeated": lambda values, times, row, at: times.__setitem__(row, times[row - 1]),
    "backwards": lambda values, times, row, at: times.__setitem__(row, 0),
    "gap": lambda values, times, row, at: times.__setitem__(
        slice(row, None), times[row:] + HOUR
    ),
}


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 49),
            st.sampled_from(sorted(FAULTS)),
            st.integers(0, len(COLUMNS) - 1),
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda one: one[0],
    ),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
)
def test_whatever_is_wrong_every_row_of_it_is_named(faults, dtype, transposed):
    values, times = bars()
    values = values.astype(dtype)
    if transposed:
        values = np.asfortranarray(values)
    # From the first row on: a repeated time must be that which its row before ends with.
    for row, fault, at in sorted(faults, key=lambda one: (one[1] == "gap", one[0])):
        FAULTS[fault](values, times, row, at)
    with pytest.raises(BadData) as caught:
        check(values, times, ranges={"extra": (0.0, 1.0)})
    named = {one.row for one in caught.value.rows}
    if caught.value.total <= 20:
        assert {row for row, _, _ in faults} <= named
    for one in caught.value.rows:
        if one.column != "time":
            same = values[one.row, COLUMNS.index(one.column)]
            assert one.value == same or (np.isnan(one.value) and np.isnan(same))


def test_a_whole_column_of_faults_and_a_single_one_are_counted_alike():
    values, times = bars()
    values[:, 4] = np.nan
    values[9, 4] = np.inf
    with pytest.raises(BadData) as caught:
        check(values, times)
    assert caught.value.total == 50
    assert [one.rule for one in caught.value.rows][8:11] == [
        "must not be NaN",
        "must be finite",
        "must not be NaN",
    ]


def test_training_refuses_bad_values_before_the_first_step():
    series = waves(100)
    series.values[40, 1] = np.nan
    with pytest.raises(BadData, match="row 40"):
        make_splits(
            [SeriesData("x", series.values, series.times, series.columns)],
            WindowConfig(5, 2, 3),
            borders_by_share([series], train=0.7, validation=0.15),
        )
