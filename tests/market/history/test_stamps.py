import pytest

from market.history.stamps import BadStamp, Stamps, YearLast

MS = 1_571_302_800_000  # 2019-10-17 09:00 UTC


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        (str(MS // 1000), "s"),
        (f"{MS // 1000}.0", "s"),
        (str(MS), "ms"),
        (str(MS * 1000), "µs"),
        (str(MS * 10**6), "ns"),
    ],
)
def test_the_unit_of_numbers_is_told_by_their_size(text, unit):
    stamps = Stamps()
    assert stamps.one(text) == MS
    assert stamps.unit == unit


def test_the_first_number_decides_and_one_of_another_unit_is_refused():
    times, bad = Stamps().texts([str(MS), str(MS // 1000), str(MS * 1000), str(MS + 1)])
    assert (times[0], times[3]) == (MS, MS + 1)
    rule = "the times of this file are ms since the epoch, this one is not"
    assert bad == {1: rule, 2: rule}


def test_numbers_of_an_array_follow_the_same_rule():
    import numpy as np

    times, bad = Stamps().numbers(np.array([5, MS * 1000, MS, -1], dtype=np.int64))
    assert times[1] == MS
    assert sorted(bad) == [0, 2, 3]
    assert sorted(Stamps().numbers(np.array([1, 2], dtype=np.int64))[1]) == [0, 1]


@pytest.mark.parametrize(
    "text",
    [
        "2019-10-17 09:00:00",
        "2019-10-17T09:00",
        "2019-10-17 9",
        "2019-10-17 09-AM",
        "2019-10-17 09:00:00.000000",
        "2019-10-17T09:00:00Z",
        "2019-10-17 17:00:00+08:00",
        "2019-10-17 04:00:00 -0500",
        "2019/10/17 09:00 UTC",
        "2019.10.17 09:00",
        "20191017 09:00",
        "17.10.2019 09:00",
        "17 October 2019 09:00",
        "17-Oct-2019 09:00:00",
        "Oct 17, 2019 9:00 AM",
        " 2019-10-17 09:00:00 ",
    ],
)
def test_dates_that_can_be_read_in_one_way_are_read(text):
    stamps = Stamps()
    assert stamps.one(text) == MS
    assert (stamps.dates, stamps.unit) == (1, "")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2019-10-17 12-AM", "00:00"),
        ("2019-10-17 12-PM", "12:00"),
        ("2019-10-17 11-PM", "23:00"),
        ("2019-10-17", "00:00"),
    ],
)
def test_noon_and_midnight_of_the_12_hour_clock(text, time):
    assert Stamps().one(text) == Stamps().one(f"2019-10-17 {time}")


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "17/10/2019", "10-17-2019 09:00", "2019-13-01", "2019-02-30",
        "2019-10-17 25:00", "2019-10-17 13-PM", "09:00", "123", "-5", "1.5e9",
        "17 Foo 2019", "2019-10/17",
    ],
)  # fmt: skip
def test_all_else_is_refused(text):
    with pytest.raises(BadStamp):
        Stamps().one(text)


def test_the_year_last_is_read_as_told():
    assert Stamps(YearLast.DAY_FIRST).one("17/10/2019 09:00") == MS
    assert Stamps(YearLast.MONTH_FIRST).one("10-17-2019 09:00") == MS
    with pytest.raises(BadStamp):
        Stamps(YearLast.DAY_FIRST).one("10/17/2019")
