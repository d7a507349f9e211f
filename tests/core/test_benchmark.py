"""The frame of measurements."""

import pytest

from core.benchmark import (
    Row,
    Session,
    as_document,
    at_least,
    at_most,
    calibrate,
    median_ratio,
    table,
)


@pytest.mark.parametrize(
    ("value", "must", "target", "verdict"),
    [
        (1.0, at_most(2), at_most(1), "target"),
        (1.5, at_most(2), at_most(1), "must"),
        (2.5, at_most(2), at_most(1), "MISSED"),
        (4.0, at_least(1.5), at_least(3.5), "target"),
        (1.0, at_least(1.5), at_least(3.5), "MISSED"),
        (9.0, None, at_most(2), ""),
        (1.0, None, at_most(2), "target"),
        (1.0, None, None, ""),
        (None, at_most(2), None, "absent"),
    ],
)
def test_the_verdict_follows_the_bounds(value, must, target, verdict):
    row = Row("it", value, must=must, target=target)
    assert row.verdict == verdict
    assert row.missed == (verdict == "MISSED")


def test_variants_take_turns_and_each_round_begins_with_another():
    order = []
    session = Session(rounds=3, gauge=lambda: 1.0)

    found = session.interleave(
        "speed",
        {name: lambda name=name: order.append(name) or len(order) for name in "abc"},
    )

    assert "".join(order) == "abcbcacab"
    assert found == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}
    assert session.raw == {"speed": found}


def test_the_machine_is_gauged_before_every_measurement_and_at_the_end():
    session = Session(rounds=2, gauge=lambda: 7.0)
    session.interleave("speed", {"a": lambda: 1, "b": lambda: 2})
    assert session.calibration_ms == [7.0] * 5


def test_the_ratio_is_the_median_over_the_rounds():
    assert median_ratio([2.0, 9.0, 40.0], [1.0, 3.0, 10.0]) == 3.0


def test_rounds_without_a_reference_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        median_ratio([1.0, 2.0], [1.0])


def test_the_table_shows_value_bounds_and_result():
    rows = [
        Row("short", 1234.5, "MB", at_most(2000), None, "why"),
        Row("absent thing", None, must=at_most(1)),
    ]
    head, short, absent = table(rows)
    assert head.split() == ["measured", "value", "must", "target", "result", "detail"]
    assert short.split() == ["short", "1,234", "MB", "≤", "2000", "must", "why"]
    assert absent.split() == ["absent", "thing", "–", "≤", "1", "absent"]


def test_rows_become_plain_values():
    (row,) = as_document([Row("it", 2.0, "×", at_most(3))])
    assert row["must"] == "≤ 3"
    assert row["verdict"] == "must"


def test_the_calibration_loop_takes_time():
    assert calibrate() > 0
