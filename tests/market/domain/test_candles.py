"""Series of candles: bar times, holes, live bars, longer bars."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from market.binance.streams import INTERVALS
from market.domain.candles import (
    INTERVAL_MS,
    Hole,
    aggregated,
    bar_open,
    bars_missing,
    close_time,
    holes,
    next_open,
    with_live,
)
from market.domain.types import Candle

MINUTE = 60_000


def ms(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)


def bar(opened, *, interval="1m", close=1.5, closed=True, **changes):
    candle = Candle(
        "B", interval, opened, close_time(opened, interval), 1.0, 2.0, 0.5, close,
        10.0, 15.0, 3, 4.0, 6.0, closed, close_time(opened, interval) + 200,
    )  # fmt: skip
    return replace(candle, **changes)


def test_every_interval_of_the_exchange_has_a_length():
    assert {*INTERVAL_MS, "1M"} == set(INTERVALS)


def test_bars_begin_where_the_exchange_begins_them():
    moment = ms(2024, 2, 29, 13, 47, 5)
    assert bar_open(moment, "15m") == ms(2024, 2, 29, 13, 45)
    assert bar_open(moment, "1d") == ms(2024, 2, 29)
    assert bar_open(moment, "1w") == ms(2024, 2, 26)  # a Monday
    assert bar_open(moment, "1M") == ms(2024, 2, 1)
    assert next_open(ms(2024, 2, 1), "1M") == ms(2024, 3, 1)
    assert next_open(ms(2024, 12, 1), "1M") == ms(2025, 1, 1)
    assert close_time(ms(2024, 2, 29), "1d") == ms(2024, 3, 1) - 1


@given(
    st.integers(0, 4_000_000_000_000), st.sampled_from(INTERVALS), st.integers(0, 40)
)
def test_bars_cover_time_without_overlap(moment, interval, count):
    opened = bar_open(moment, interval)
    assert opened <= moment <= close_time(opened, interval)
    assert bar_open(opened, interval) == opened
    later = opened
    for _ in range(count + 1):
        later = next_open(later, interval)
    assert bar_open(later, interval) == later
    assert bars_missing(opened, later, interval) == count


def test_an_interval_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="'7m' does not exist"):
        bar_open(0, "7m")


def test_a_hole_says_which_bars_are_missing():
    series = [bar(0), bar(MINUTE), bar(4 * MINUTE), bar(5 * MINUTE), bar(7 * MINUTE)]
    assert holes(series) == (
        Hole(2 * MINUTE, 3 * MINUTE, 2),
        Hole(6 * MINUTE, 6 * MINUTE, 1),
    )
    assert holes(series[:2]) == holes([]) == ()


def test_a_hole_of_months():
    series = [
        bar(ms(2023, 11, 1), interval="1M"), bar(ms(2024, 2, 1), interval="1M")
    ]  # fmt: skip
    assert holes(series) == (Hole(ms(2023, 12, 1), ms(2024, 1, 1), 2),)


def test_unordered_or_mixed_bars_are_refused():
    with pytest.raises(ValueError, match="does not come after"):
        holes([bar(MINUTE), bar(0)])
    with pytest.raises(ValueError, match="does not come after"):
        holes([bar(0), bar(0)])
    with pytest.raises(ValueError, match="more than one series"):
        holes([bar(0), replace(bar(MINUTE), symbol="C")])


def test_the_live_bar_is_appended_or_takes_its_place():
    stored = (bar(0), bar(MINUTE))
    live = bar(2 * MINUTE, closed=False)
    assert with_live(stored, live) == (*stored, live)
    assert with_live(stored, None) == stored
    assert with_live((), live) == (live,)
    newer = bar(MINUTE, close=1.9)
    assert with_live(stored, newer) == (stored[0], newer)


def test_a_final_bar_is_never_replaced_by_an_unfinished_one():
    stored = (bar(0), bar(MINUTE))
    assert with_live(stored, bar(MINUTE, closed=False, close=1.1)) == stored
    unfinished = (bar(0, closed=False),)
    final = bar(0)
    assert with_live(unfinished, final) == (final,)


def test_five_minutes_are_made_of_one_minute_bars():
    parts = [
        bar(n * MINUTE, close=1.0 + n / 10, high=2.0 + n, low=0.5 - n / 100)
        for n in range(5)
    ]
    (joined,) = aggregated(parts, "5m")
    assert (joined.interval, joined.open_time) == ("5m", 0)
    assert joined.close_time == 5 * MINUTE - 1
    assert (joined.open, joined.close) == (1.0, 1.4)
    assert (joined.high, joined.low) == (6.0, 0.46)
    assert (joined.volume, joined.quote_volume, joined.trades) == (50.0, 75.0, 15)
    assert (joined.taker_base, joined.taker_quote) == (20.0, 30.0)
    assert joined.closed
    assert joined.event_time == parts[-1].event_time


@pytest.mark.parametrize(
    "parts",
    [
        [bar(n * MINUTE) for n in (1, 2, 3, 4)],
        [bar(n * MINUTE) for n in (0, 1, 3, 4)],
        [bar(n * MINUTE) for n in (0, 1, 2, 3)],
        [*(bar(n * MINUTE) for n in range(4)), bar(4 * MINUTE, closed=False)],
    ],
)
def test_a_longer_bar_with_a_missing_or_unfinished_part_is_not_closed(parts):
    (joined,) = aggregated(parts, "5m")
    assert not joined.closed


def test_bars_group_by_the_longer_interval():
    joined = aggregated([bar(n * MINUTE) for n in range(3, 12)], "5m")
    assert [b.open_time for b in joined] == [0, 5 * MINUTE, 10 * MINUTE]
    assert [b.closed for b in joined] == [False, True, False]
    assert aggregated([], "5m") == ()


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [
        ("15m", "5m"),
        ("5m", "5m"),
        ("2h", "3m"),
        ("3d", "1w"),
        ("1w", "1M"),
        ("1M", "1w"),
    ],
)
def test_intervals_that_do_not_divide_are_refused(shorter, longer):
    opened = bar_open(ms(2024, 1, 1), shorter)
    with pytest.raises(ValueError, match="cannot be joined"):
        aggregated([bar(opened, interval=shorter)], longer)


def test_days_make_weeks_and_months():
    days = [bar(ms(2024, 1, 1) + n * 86_400_000, interval="1d") for n in range(31)]
    (month,) = aggregated(days, "1M")
    assert month.closed
    weeks = aggregated(days, "1w")
    assert [week.closed for week in weeks] == [True, True, True, True, False]
