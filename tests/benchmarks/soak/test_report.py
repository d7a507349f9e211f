"""The report: what it counts, what it calls lost, how it reads."""

import json
from dataclasses import replace

import pytest

from benchmarks.soak.memory import Slope
from benchmarks.soak.outcome import Reconnects
from benchmarks.soak.report import FaultLine, Report, Run, markdown, percentile
from benchmarks.soak.verify import Verdict

RUN = Run(1, 1.02, 60, 1, 20, ("1m", "5m"), 3, 61.2, 2, False, ())
RST = FaultLine(1, 2.5, "rst", "rst", "connection", 4, "disconnected", 0.01, True, 1.4)
DELAY = FaultLine(
    2, 7.5, "delay for 2 s", "delay", "connection", 4, "", None, True, None
)
GOOD = Report(
    RUN,
    [RST, DELAY],
    Reconnects(4, 4, 5, 4, (1.4, 1.2)),
    Verdict(series=40, bars=1400, gaps_filled=3),
    Slope(0.4, 0.2, 700, 110.0, 110.1),
)


def row(report, name):
    return next(each for each in report.rows() if each.name == name)


def test_a_good_run_lost_nothing_and_missed_nothing():
    assert not GOOD.lost
    assert not [each.name for each in GOOD.rows() if each.missed]


def test_a_fault_that_interrupted_nothing_has_no_share_in_the_times():
    assert row(GOOD, "time to detect, p50").detail == "1 noticed, 1 not noticed"
    recovery = row(GOOD, "time to recover, connection, p50")
    assert (recovery.value, recovery.detail) == (
        1.4,
        "1 interrupted streams",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": Verdict(bars=1400, missing=1)},
        {"faults": [RST, replace(DELAY, recovered=False, recovered_seconds=None)]},
        {"run": replace(RUN, collapsed=("feed",))},
    ],
)
def test_what_is_lost_or_never_came_back_is_told_and_counts(changes):
    report = replace(GOOD, **changes)
    assert report.lost
    assert [each.name for each in report.rows() if each.missed]


def test_a_whole_run_without_a_bar_proves_nothing():
    empty = replace(GOOD, verdict=Verdict())
    assert empty.lost
    assert not replace(empty, run=replace(RUN, interrupted=True)).lost


def test_a_slow_recovery_is_missed_but_not_lost():
    report = replace(GOOD, faults=[replace(RST, recovered_seconds=6.0)])
    assert row(report, "time to recover, connection, p99").missed
    assert not report.lost


def test_memory_is_judged_only_after_a_long_enough_life():
    short = replace(GOOD, slope=replace(GOOD.slope, seconds=60.0, mb_per_hour=900.0))
    assert row(short, "memory slope of the feed").value is None
    growing = replace(GOOD, slope=replace(GOOD.slope, mb_per_hour=30.0))
    assert row(growing, "memory slope of the feed").missed


def test_the_document_is_plain_and_the_tables_name_every_kind():
    document = json.loads(json.dumps(GOOD.as_document()))
    assert document["lost"] is False
    assert document["reconnects"]["success_rate"] == 1.0
    assert [line["kind"] for line in document["faults"]] == ["rst", "delay"]
    text = "\n".join(markdown(GOOD))
    assert "| closed candles missing | 0 | ≤ 0 | of 1,400 in 40 series |" in text
    assert "| rst | 1 | 4 | disconnected | 0.0 / 0.0 s | 1.4 / 1.4 s |" in text
    assert "| delay | 1 | 4 | not noticed | – | – |" in text


def test_a_percentile_is_one_of_the_values():
    values = [float(number) for number in range(1, 201)]
    assert percentile(values, 0.5) == 100
    assert percentile(values, 0.99) == 198
    assert percentile([3.0], 0.99) == 3
    assert percentile([], 0.5) is None
