import numpy as np
import pandas as pd
import pytest

from market.indicators.errors import InvalidBars
from market.indicators.frames import bars_of_frame

TIMES = pd.date_range("2026-01-01", periods=4, freq="15min")
MS = [1767225600000 + step * 900_000 for step in range(4)]


def frame(index=None, **changes):
    values = {
        "open": [2.0, 3.0, 4.0, 5.0],
        "high": [3.0, 4.0, 5.0, 6.0],
        "low": [1.0, 2.0, 3.0, 4.0],
        "close": [2.5, 3.5, 4.5, 5.5],
        "volume": [1, 2, 3, 4],
    }
    return pd.DataFrame(values | changes, index=index)


def refusal(given):
    with pytest.raises(InvalidBars) as caught:
        bars_of_frame(given, "BTCUSDT")
    return caught.value


def test_columns_become_numbers_in_their_order():
    bars = bars_of_frame(frame(), "BTCUSDT")
    assert bars.symbols == ("BTCUSDT",)
    assert bars.close[:, 0].tolist() == [2.5, 3.5, 4.5, 5.5]
    assert bars.volume[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    "index",
    [
        TIMES,
        TIMES.tz_localize("UTC"),
        TIMES.tz_localize("UTC").tz_convert("Asia/Shanghai"),
        TIMES.as_unit("s"),
        TIMES.as_unit("ns"),
        MS,
    ],
)
def test_times_of_the_index_are_milliseconds(index):
    assert bars_of_frame(frame(index), "X").times.tolist() == MS


@pytest.mark.parametrize(
    "values",
    [TIMES, TIMES.tz_localize("UTC").tz_convert("Asia/Tokyo"), MS, np.array(MS, float)],
)
@pytest.mark.parametrize("name", ["open_time", "time", "timestamp"])
def test_a_column_of_times_goes_before_the_index(name, values):
    given = frame([9, 8, 7, 6], **{name: values})
    assert bars_of_frame(given, "X").times.tolist() == MS


def test_without_times_the_bars_are_counted():
    assert bars_of_frame(frame(), "X").times.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_a_missing_column_is_named(column):
    error = refusal(frame().drop(columns=column))
    assert error.column == column
    assert "column is missing" in error.rule


def test_words_are_refused_with_their_row():
    error = refusal(frame(close=["2.5", "3.5", "high", "5.5"]))
    assert (error.column, error.row, error.value) == ("close", 2, "high")


def test_numbers_written_as_text_are_taken():
    bars = bars_of_frame(frame(close=["2.5", "3.5", "4.5", "5.5"]), "X")
    assert bars.close[2, 0] == 4.5


@pytest.mark.parametrize("value", [np.nan, None, pd.NA])
def test_an_empty_value_is_refused_with_its_row(value):
    error = refusal(frame(low=pd.Series([1.0, value, 3.0, 4.0], dtype="Float64")))
    assert (error.column, error.row) == ("low", 1)


def test_newest_first_is_refused():
    error = refusal(frame(TIMES).iloc[::-1])
    assert (error.column, error.row) == ("time", 1)


@pytest.mark.parametrize(
    ("times", "row"),
    [([*TIMES[:2], pd.NaT, TIMES[3]], 2), ([1, 2.5, 3, 4], 1), (list("abcd"), None)],
)
def test_what_is_no_time_is_refused(times, row):
    error = refusal(frame(time=times))
    assert (error.column, error.row) == ("time", row)


def test_a_column_that_stands_twice_is_refused():
    given = frame()
    given = pd.concat([given, given[["close"]]], axis=1)
    assert refusal(given).column == "close"
