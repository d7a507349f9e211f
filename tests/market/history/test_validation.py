"""Planted faults are found where they are, and nothing else is."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.history import rules
from market.history.findings import SHOWN, Findings
from market.history.validation import check, with_volumes_put_right
from tests.market.history.bars import HOUR, NOW, START, bar, columns, same, series


def checked(bars, *, interval="1h", now_ms=NOW):
    return check(columns(bars), Findings("x.csv"), interval=interval, now_ms=now_ms)


def found(bars, **options):
    return [(f.line, f.column, f.rule) for f in checked(bars, **options).findings.first]


NAN, INF = float("nan"), float("inf")
FAULTS = {
    "NaN": ({"close": NAN}, "close", "must not be NaN"),
    "Inf": ({"volume": INF}, "volume", "must be finite"),
    "price 0": ({"low": 0.0}, "low", "must be above 0"),
    "volume": ({"taker_quote": -1.0}, "taker_quote", "must not be below 0"),
    "trades": ({"trades": 2.5}, "trades", "must be a whole number below 2³¹"),
    "many": ({"trades": 2**31}, "trades", "must be a whole number below 2³¹"),
    "high": ({"high": 100.0, "open": 100.5}, "high", "high must be the largest price"),
    "low": ({"low": 101.75}, "low", "low must be the smallest price"),
}


@given(
    st.integers(5, 60),
    st.dictionaries(st.integers(0, 59), st.sampled_from(sorted(FAULTS)), max_size=8),
)
@settings(max_examples=80, deadline=None)
def test_every_planted_fault_is_named_with_line_column_and_rule(count, planted):
    planted = {at: kind for at, kind in planted.items() if at < count}
    bars = [
        bar(n, **FAULTS[planted[n]][0] if n in planted else {}) for n in range(count)
    ]
    expected = [(at, *FAULTS[kind][1:]) for at, kind in sorted(planted.items())]
    assert found(bars) == expected
    assert checked(bars).findings.total == len(expected)


def test_the_first_twenty_are_shown_by_line_and_all_are_counted():
    bars = [
        bar(n, **({"close": NAN} if n % 3 == 0 else {"volume": -1.0}))
        for n in range(100)
    ]
    findings = checked(bars).findings
    assert [f.line for f in findings.first] == list(range(SHOWN))
    assert findings.total == 100
    assert findings.texts()[0] == "x.csv: line 0: close = nan: must not be NaN"
    assert findings.texts()[-1] == (
        "x.csv: … and 80 more; in all 34 × must not be NaN, 66 × must not be below 0"
    )


def test_equal_rows_are_dropped_and_counted_and_contradicting_ones_are_a_fault():
    bars = series(5)
    result = checked([*bars[:3], bars[2], bars[2], *bars[3:]])
    assert (result.findings.total, result.repeated) == (0, 2)
    assert same(result.bars, bars)
    other = bar(2, close=102.0)
    assert found([*bars[:3], other, *bars[3:]]) == [
        (3, "open time", "a second bar of this time, with other values")
    ]


def test_a_reversed_file_is_turned_and_a_disordered_one_is_sorted_and_both_are_said():
    bars = series(6)
    result = checked(bars[::-1])
    assert same(result.bars, bars)
    assert result.notes == ["the file begins with the newest bar: turned"]
    result = checked([*bars[:2], bars[4], bars[3], bars[2], bars[5]])
    assert same(result.bars, bars)
    assert result.notes == [
        "2 times out of order, first at line 3: sorted by open time"
    ]


def test_gaps_are_ranges_and_refuse_nothing():
    bars = [b for n, b in enumerate(series(20)) if n not in (3, 7, 8, 9)]
    result = checked(bars)
    assert result.findings.total == 0
    assert [(g.first, g.last, g.bars) for g in result.gaps] == [
        (START + 3 * HOUR, START + 3 * HOUR, 1),
        (START + 7 * HOUR, START + 9 * HOUR, 3),
    ]
    assert len(result.bars) == 16  # nothing is invented between them


def test_another_spacing_than_the_interval_is_one_fault_and_off_grid_is_one_each():
    (fault,) = found(series(9), interval="15m")
    assert fault[2] == "the bars of this file are mostly 1h apart, not 15m"
    bars = series(9)
    bars[4]["open_time"] += 60_000
    assert found(bars) == [(4, "open time", "must open on the grid of 1h")]


def test_weeks_stand_on_mondays():
    monday, week = 1_704_067_200_000, 7 * 24 * HOUR
    weeks = [bar(0, open_time=monday + n * week) for n in range(3)]
    assert found(weeks, interval="1w") == []
    for one in weeks:
        one["open_time"] += 24 * HOUR
    assert len(found(weeks, interval="1w")) == 3


def test_a_bar_that_is_not_closed_is_left_out_and_one_of_the_future_is_a_fault():
    bars = series(5)
    result = checked(bars, now_ms=START + 4 * HOUR + 1)
    assert same(result.bars, bars[:4])
    assert result.notes == ["1 not closed yet: left out"]
    assert [f[0] for f in found(bars, now_ms=START + 2 * HOUR)] == [3, 4]


def test_volumes_in_each_others_column_are_said_and_put_right_only_on_request():
    bars = [bar(n, volume=1000.0, quote_volume=10.0) for n in range(3)] + series(6)[3:]
    result = checked(bars)
    assert result.bars.values["volume"][:3].tolist() == [1000.0] * 3
    assert any("in 3 bars, first at line 0" in note for note in result.notes)
    right, count = with_volumes_put_right(result.bars)
    assert count == 3
    assert right.values["volume"].tolist() == [10.0] * 3 + [13.0, 14.0, 15.0]
    assert right.values["quote_volume"][:4].tolist() == [1000.0] * 3 + [1300.0]
    assert with_volumes_put_right(right)[1] == 0


def test_an_unknown_interval_and_an_empty_file():
    with pytest.raises(ValueError, match="7m"):
        checked(series(3), interval="7m")
    assert len(checked([]).bars) == 0


def least(action, times=7):
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return min(taken)


@pytest.mark.slow
def test_locating_everything_in_15_million_numbers_costs_four_passes_at_most():
    rows, length = 500_000, 900_000
    table = np.random.default_rng(7).random((rows, 30)) + 1
    table[:, 1], table[:, 2] = 3.0, 0.5
    times = np.arange(rows, dtype=np.int64) * length
    times[400_000:] += length
    table[499_999, 3], table[250_000, 1] = 9.0, 0.1
    table[123_456, 17] = NAN
    located = {}

    def locate():
        located["bad"] = np.transpose(rules.not_finite_at(table)).tolist()
        high, low = rules.contradictory(*np.ascontiguousarray(table[:, :4].T))
        located["high"] = np.flatnonzero(high).tolist()
        located["low"] = np.flatnonzero(low).tolist()
        located["gaps"] = rules.gap_starts(times, length).tolist()
        located["same"] = rules.repeated(times)

    passes = least(locate) / least(lambda: np.isfinite(table).all())
    assert located == {
        "bad": [[123_456, 17]], "high": [250_000, 499_999], "low": [],
        "gaps": [399_999], "same": None,
    }  # fmt: skip
    assert passes <= 4
