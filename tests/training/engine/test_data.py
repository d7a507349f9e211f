"""Windows, splits, standardising, marks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from tests.training.engine.series import HOUR, START, small_splits, waves
from training.engine.config import WindowConfig
from training.engine.data import SeriesData, make_splits, time_marks
from training.engine.validation import BadData
from training.engine.windows import Borders, borders_by_share


def test_a_window_shows_its_own_bars_and_the_ones_that_follow():
    series = waves(100)
    splits = make_splits(
        [series],
        WindowConfig(5, 2, 3),
        Borders(*(START + HOUR * at for at in (60, 80, 100))),
    )
    batch = splits.train.batch(torch.tensor([0, 10]))
    scaled = splits.standardizer.apply(series.values)
    assert torch.equal(batch.x[1], torch.from_numpy(scaled[10:15]))
    assert torch.equal(batch.y[1], torch.from_numpy(scaled[15:18, :1]))
    marks = torch.from_numpy(time_marks(series.times))
    assert torch.equal(batch.x_marks[1], marks[10:15])
    assert torch.equal(batch.y_marks[1], marks[13:18])


def test_validation_looks_back_into_training_but_forecasts_only_its_own_bars():
    series = waves(100)
    borders = Borders(*(START + HOUR * at for at in (60, 80, 100)))
    splits = make_splits([series], WindowConfig(5, 2, 3), borders)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (53, 18, 18)
    assert splits.validation.starts[0] == 55
    assert splits.validation.target_times()[0] == START + 60 * HOUR


def test_the_whole_test_set_is_gone_through_whatever_the_batch_size():
    splits = small_splits()
    for size in (1, 7, 1000):
        found = torch.cat(splits.test.all_batches(size))
        assert torch.equal(found, torch.arange(len(splits.test)))


def test_statistics_come_from_training_bars_alone():
    series = waves(100)
    changed = SeriesData(
        series.name, series.values.copy(), series.times, series.columns
    )
    changed.values[70:] += 1e4
    window = WindowConfig(5, 2, 3)
    borders = Borders(*(START + HOUR * at for at in (60, 80, 100)))
    one = make_splits([series], window, borders).standardizer
    two = make_splits([changed], window, borders).standardizer
    assert np.array_equal(one.mean, two.mean)
    assert np.array_equal(one.deviation, two.deviation)


def test_returns_keep_their_zero():
    splits = small_splits(kind="return")
    assert splits.standardizer.mean[0] == 0
    assert splits.standardizer.mean[1] != 0
    values = np.array([[[2.0]]])
    back = splits.standardizer.targets_back(values, 1)
    assert back[0, 0, 0] == 2 * splits.standardizer.deviation[0]


@pytest.mark.parametrize("scale", [1e5, 1e200])
def test_a_value_that_no_forecast_could_follow_is_named(scale):
    series = waves(100)
    series.values[90, 1] = -scale * 5
    borders = Borders(*(START + HOUR * at for at in (60, 80, 100)))
    with pytest.raises(BadData, match=r"row 90 .*noise0 = -5\S+: must be") as caught:
        make_splits([series], WindowConfig(5, 2, 3), borders)
    assert caught.value.total == 1


def test_training_values_beyond_what_a_deviation_can_hold_are_refused():
    series = waves(100)
    series.values[:2, 1] = 1e308, -1e308
    borders = Borders(*(START + HOUR * at for at in (60, 80, 100)))
    with pytest.raises(InvalidInput, match=r"noise0.*too large"):
        make_splits([series], WindowConfig(5, 2, 3), borders)


def test_a_missing_bar_is_refused_where_the_length_of_a_bar_is_known():
    series = waves(100)
    series.times[40:] += HOUR
    hours = replace(series, step_ms=HOUR)
    borders = borders_by_share([series], train=0.7, validation=0.15)
    with pytest.raises(BadData, match=r"row 40 .*must follow 3600000 ms"):
        make_splits([hours], WindowConfig(5, 2, 3), borders)


@pytest.mark.parametrize("shares", [(0.7, 0.3), (0.0, 0.2), (0.9, 0.2), (0.7, 0.0)])
def test_shares_that_leave_a_split_empty_are_refused(shares):
    train, validation = shares
    with pytest.raises(InvalidInput, match="below 1 together"):
        borders_by_share([waves(50)], train=train, validation=validation)


def test_no_bars_give_no_borders():
    with pytest.raises(InvalidInput, match="must have bars"):
        borders_by_share([waves(0)], train=0.7, validation=0.15)


def test_a_column_that_never_changes_becomes_zero_not_nan():
    series = waves(100)
    values = series.values.copy()
    values[:, 1] = 7.0
    still = SeriesData("still", values, series.times, series.columns)
    borders = borders_by_share([still], train=0.7, validation=0.15)
    splits = make_splits([still], WindowConfig(5, 2, 3), borders)
    assert torch.all(splits.train.values[:, 1] == 0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.integers(1, 10),
    st.integers(1, 5),
)
def test_no_window_crosses_from_one_series_to_another(lengths, seen, ahead):
    start, series = START, []
    for at, bars in enumerate(lengths):
        series.append(waves(bars, name=str(at), start=start))
        start += HOUR * (bars + 5)
    window = WindowConfig(seen, 0, ahead)
    times = np.concatenate([one.times for one in series])
    borders = borders_by_share(series, train=0.6, validation=0.2)
    try:
        splits = make_splits(series, window, borders)
    except InvalidInput:
        return
    for split, low, high in (
        (splits.train, -1, borders.train),
        (splits.validation, borders.train, borders.validation),
        (splits.test, borders.validation, borders.test),
    ):
        for first in split.starts.tolist():
            bars = times[first : first + seen + ahead]
            assert np.all(np.diff(bars) == HOUR)
            assert np.all((bars[seen:] >= low) & (bars[seen:] < high))


def test_too_few_bars_say_which_split_is_empty():
    with pytest.raises(InvalidInput, match=r"no train window of 12 \+ 3 bars"):
        small_splits(bars=15)


def test_series_of_different_columns_are_refused():
    with pytest.raises(InvalidInput, match="alike"):
        make_splits(
            [waves(50), waves(50, features=3)],
            WindowConfig(5, 2, 3),
            Borders(1, 2, 3),
        )


@pytest.mark.parametrize(
    ("values", "times", "field"),
    [
        (np.zeros((3, 2)), np.zeros(3, dtype=np.int64), "values"),
        (np.zeros((3, 1)), np.zeros(2, dtype=np.int64), "times"),
    ],
)
def test_a_series_of_the_wrong_shape_is_refused(values, times, field):
    with pytest.raises(InvalidInput) as caught:
        SeriesData("x", values, times, ("a",))
    assert caught.value.field == field


def test_marks_tell_hour_weekday_day_and_month():
    times = np.array(["1970-01-01T00", "2026-11-25T12"], dtype="datetime64[ms]")
    marks = time_marks(times.astype(np.int64))
    # Thursday; Wednesday the 25th.
    assert marks[0] == pytest.approx([-0.5, 3 / 6 - 0.5, -0.5, -0.5])
    assert marks[1] == pytest.approx([0.0, 2 / 6 - 0.5, 24 / 30 - 0.5, 10 / 11 - 0.5])
