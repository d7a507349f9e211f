import numpy as np

from market.indicators.fair_value_gaps import count_gaps


def counts(rows, life=100):
    """Rows are (high, low)."""
    high, low = np.array(rows, float).T
    found = count_gaps(high, low, life)
    return found.bullish.tolist(), found.bearish.tolist()


def test_a_low_above_the_high_two_bars_before_is_a_bullish_gap():
    assert counts([(10, 9), (13, 10), (14, 12)]) == ([0, 0, 1], [0, 0, 0])


def test_a_high_below_the_low_two_bars_before_is_a_bearish_gap():
    assert counts([(10, 9), (9, 6), (8, 5)]) == ([0, 0, 0], [0, 0, 1])


def test_touching_bars_leave_no_gap():
    assert counts([(10, 9), (13, 10), (14, 10)])[0] == [0, 0, 0]


def test_a_gap_is_open_until_a_low_reaches_its_lower_edge():
    rows = [(10, 9), (13, 10), (14, 12), (14, 10.5), (14, 10), (14, 12)]
    assert counts(rows)[0] == [0, 0, 1, 1, 0, 0]


def test_a_gap_is_forgotten_in_time():
    rows = [(10, 9), (13, 10), (14, 12), (15, 12.5), (15, 12.5), (15, 12.5)]
    assert counts(rows, life=3)[0] == [0, 0, 1, 1, 1, 0]


def test_two_bars_have_no_gap():
    assert counts([(10, 9), (13, 12)]) == ([0, 0], [0, 0])
