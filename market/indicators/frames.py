"""Bars of a pandas frame. Pandas is not imported here: whoever has a frame has it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from market.indicators.bars import COLUMNS, Bars
from market.indicators.errors import InvalidBars
from market.indicators.types import Ints

if TYPE_CHECKING:
    import pandas as pd

TIME_COLUMNS = ("open_time", "time", "timestamp", "datetime", "date")


def bars_of_frame(frame: "pd.DataFrame", symbol: str) -> Bars:
    """Return the frame's bars; times come from a column of ``TIME_COLUMNS``, else the index.

    Datetimes become milliseconds since the epoch (UTC where no zone is given).
    Raises ``InvalidBars`` naming column and row.
    """
    for column in COLUMNS:
        if column not in frame.columns:
            have = ", ".join(str(name) for name in frame.columns)
            raise InvalidBars(
                column, None, f"column is missing (there are: {have})", symbol=symbol
            )
    columns = {name: _numbers(frame[name], name, symbol) for name in COLUMNS}
    return Bars.single(symbol, _times(frame, symbol), **columns)


def _numbers(column: Any, name: str, symbol: str) -> Any:
    if getattr(column, "ndim", 1) != 1:
        raise InvalidBars(name, column.shape, "stands more than once", symbol=symbol)
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        row, value = _first_no_number(column)
        raise InvalidBars(
            name, value, "must be a number", row=row, symbol=symbol
        ) from error


def _first_no_number(column: Any) -> tuple[int | None, object]:
    for row, value in enumerate(column):
        try:
            float(value)
        except (TypeError, ValueError):
            return row, value
    return None, str(column.dtype)


def _times(frame: "pd.DataFrame", symbol: str) -> Ints:
    name = next((name for name in TIME_COLUMNS if name in frame.columns), "index")
    values = frame.index if name == "index" else frame[name]
    if hasattr(values, "isna") and values.isna().any():
        row = int(np.argmax(values.isna()))
        raise InvalidBars(name, None, "must be a time", row=row, symbol=symbol)
    kind = getattr(values.dtype, "kind", "")
    if kind == "M":
        return _milliseconds(values)
    if kind not in "iuf":
        rule = "must hold datetimes or whole numbers"
        raise InvalidBars(name, str(values.dtype), rule, symbol=symbol)
    numbers = np.asarray(values)
    if kind == "f" and (numbers != np.floor(numbers)).any():
        row = int(np.argmax(numbers != np.floor(numbers)))
        rule = "must be a whole number"
        raise InvalidBars(name, float(numbers[row]), rule, row=row, symbol=symbol)
    return numbers.astype(np.int64)


def _milliseconds(values: Any) -> Ints:
    accessor = getattr(values, "dt", values)
    if accessor.tz is not None:
        accessor = getattr(accessor.tz_convert("UTC"), "dt", accessor.tz_convert("UTC"))
        values = accessor.tz_localize(None)
    return np.asarray(values).astype("datetime64[ms]").astype(np.int64)
