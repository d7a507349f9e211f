from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.simulator.bars import BarHistory, merge_rows
from market.simulator.intervals import (
    DAY,
    FIXED,
    HOUR,
    MINUTE,
    NAMES,
    bar_end,
    bar_open,
    previous_open,
)
from market.simulator.prices import PricePaths
from market.simulator.symbols import list_symbols
from market.simulator.trades import TradeTape

SEED = 3
SYMBOLS = list_symbols(seed=SEED, speed=1.0, count=30)
HISTORY = BarHistory(TradeTape(SEED, SYMBOLS, PricePaths(SEED, SYMBOLS)))
NOON = 20_777 * DAY + 12 * HOUR


@settings(max_examples=60, deadline=None)
@given(
    rank=st.integers(0, 29),
    interval=st.sampled_from([name for name in FIXED if FIXED[name] <= DAY]),
    offset=st.integers(-2000, 2000),
)
def test_a_bar_of_any_interval_is_the_sum_of_its_minutes(rank, interval, offset):
    symbol = SYMBOLS[rank]
    start = bar_open(interval, NOON + offset * 17 * MINUTE)
    bar = HISTORY.closed(symbol, interval, start, start + FIXED[interval])
    minutes = HISTORY.minutes(symbol, start, start + FIXED[interval])
    assert bar.tolist() == merge_rows(minutes, len(minutes)).tolist()


@settings(max_examples=60, deadline=None)
@given(
    rank=st.integers(0, 29),
    interval=st.sampled_from(NAMES),
    minute=st.integers(0, 40 * 1440),
)
def test_the_open_bar_is_the_sum_of_the_minutes_so_far(rank, interval, minute):
    symbol, now = SYMBOLS[rank], NOON // MINUTE + minute
    start = bar_open(interval, now * MINUTE)
    bar = HISTORY.open_bar(symbol, interval, now)
    minutes = (
        HISTORY.minutes(symbol, start, now * MINUTE) if now * MINUTE > start else []
    )
    assert len(bar) == (1 if len(minutes) else 0)
    if len(bar):
        assert bar.tolist() == merge_rows(minutes, len(minutes)).tolist()


def test_a_month_has_its_own_days():
    start = int(datetime(2026, 2, 1, tzinfo=UTC).timestamp() * 1000)
    end = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
    assert bar_end("1M", start) == end
    days = HISTORY.closed(SYMBOLS[0], "1d", start, end)
    assert len(days) == 28
    month = HISTORY.closed(SYMBOLS[0], "1M", start, end)
    assert month.tolist() == merge_rows(days, 28).tolist()


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("1w", datetime(2026, 11, 16, tzinfo=UTC)),
        ("1M", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_weeks_begin_on_monday_and_months_on_the_first(interval, expected):
    moment = int(datetime(2026, 11, 20, 11, 20, tzinfo=UTC).timestamp() * 1000)
    opened = bar_open(interval, moment)
    assert opened == int(expected.timestamp() * 1000)
    assert previous_open(interval, bar_end(interval, opened), 1) == opened


def test_bars_follow_one_another():
    rows = HISTORY.closed(SYMBOLS[2], "15m", NOON, NOON + 300 * 15 * MINUTE)
    assert rows.shape == (300, 8)
    assert (rows[:, 1] >= np.maximum(rows[:, 0], rows[:, 3])).all()
    assert (rows[:, 2] <= np.minimum(rows[:, 0], rows[:, 3])).all()
    gaps = np.abs(np.log(rows[1:, 0] / rows[:-1, 3]))
    assert np.median(gaps) < 0.001
