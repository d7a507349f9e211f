import numpy as np
import pytest

from core.errors import InvalidInput
from market.indicators.bars import Bars
from market.indicators.errors import InvalidBars


def columns(**changes):
    values = {
        "open": [2.0, 3.0, 4.0],
        "high": [3.0, 4.0, 5.0],
        "low": [1.0, 2.0, 3.0],
        "close": [2.5, 3.5, 4.5],
        "volume": [0.0, 1.0, 2.0],
    }
    return values | changes


def refusal(times=(10, 20, 30), **changes):
    with pytest.raises(InvalidBars) as caught:
        Bars.single("BTCUSDT", times, **columns(**changes))
    return caught.value


def test_good_bars_are_taken():
    bars = Bars.single("BTCUSDT", (10, 20, 30), **columns())
    assert len(bars) == 3
    assert bars.close.shape == (3, 1)


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_number_is_refused_with_column_and_row(column, value):
    values = columns()[column]
    error = refusal(**{column: [values[0], value, values[2]]})
    assert (error.column, error.row, error.symbol) == (column, 1, "BTCUSDT")
    assert str(error) == (
        f"BTCUSDT {column}, row 1: {value!r} is refused: must be a finite number"
    )


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_price_that_is_not_above_0_is_refused(column, value):
    error = refusal(**{column: [value, *columns()[column][1:]]})
    assert (error.column, error.row, error.rule) == (column, 0, "must be above 0")


def test_a_negative_volume_is_refused():
    assert refusal(volume=[0.0, 0.0, -1.0]).row == 2


def test_a_high_below_the_low_is_refused():
    error = refusal(high=[3.0, 1.5, 5.0])
    assert (error.column, error.row, error.value) == ("high", 1, 1.5)
    assert error.rule == "must not be below low"


@pytest.mark.parametrize("times", [(10, 30, 20), (10, 20, 20)])
def test_times_that_do_not_rise_are_refused(times):
    error = refusal(times=times)
    assert (error.column, error.row, error.value) == ("time", 2, times[2])
    assert str(times[1]) in error.rule


def test_words_in_a_column_are_refused():
    assert refusal(close=["a", "b", "c"]).column == "close"


def test_a_column_of_another_length_is_refused():
    assert refusal(low=[1.0, 2.0]).rule == "must have the shape (3, 1)"


def test_the_series_of_a_panel_is_named():
    grids = {
        name: np.array(values)[:, None].repeat(2, 1)
        for name, values in columns().items()
    }
    grids["close"][2, 1] = np.nan
    with pytest.raises(InvalidBars, match="ETHUSDT close, row 2: nan"):
        Bars(("BTCUSDT", "ETHUSDT"), (10, 20, 30), **grids)


def test_too_few_bars_are_refused():
    bars = Bars.single("BTCUSDT", (10, 20, 30), **columns())
    bars.require(3)
    with pytest.raises(InvalidBars, match="BTCUSDT bars: 3 is refused: at least 4"):
        bars.require(4)


def test_the_error_is_one_of_the_products():
    assert isinstance(refusal(volume=[-1.0, 0.0, 0.0]), InvalidInput)


@pytest.mark.parametrize(
    "change", [{}, {"open": [2.0, 3.0, 4.1]}, {"volume": [0.0, 1.0, 3.0]}]
)
def test_the_fingerprint_changes_with_any_value(change):
    base = Bars.single("BTCUSDT", (10, 20, 30), **columns())
    other = Bars.single("BTCUSDT", (10, 20, 30), **columns(**change))
    assert (base.fingerprint() == other.fingerprint()) is (not change)


def test_the_fingerprint_knows_symbol_and_times():
    prints = {
        Bars.single(symbol, times, **columns()).fingerprint()
        for symbol in ("BTCUSDT", "ETHUSDT")
        for times in ((10, 20, 30), (10, 20, 31))
    }
    assert len(prints) == 4
