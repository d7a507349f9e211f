from market.parts import reconnects_together, together

ONE = {
    "at": 10, "name": "feed", "state": "running", "frames": 5, "lag_ms": 2.0,
    "started_at": 1, "uptime_seconds": None, "audit": {"series": 1, "bars": 9},
    "history_failed": {"B 1h": "timeout"}, "commands": [1],
}  # fmt: skip
TWO = {
    "at": 12, "name": "feed-2", "state": "stopped", "frames": 7, "lag_ms": 9.0,
    "started_at": 0, "uptime_seconds": 4.0, "audit": {"series": 2, "bars": 1},
    "history_failed": {"C 1h": "gone"}, "commands": [],
}  # fmt: skip


def reconnects(settled, succeeded, delay, errors, *times):
    return {
        "total_reconnects": settled,
        "settled_reconnects": settled,
        "successful_reconnects": succeeded,
        "success_rate": succeeded / settled if settled else None,
        "average_delay": delay,
        "max_delay": delay * 2,
        "error_distribution": {"SSL": errors, "NETWORK": 0},
        "history": [{"at": at} for at in times],
    }


def test_counts_add_up_and_what_is_no_count_is_the_leaders():
    both = together([ONE, TWO])
    assert both == {
        "at": 10, "name": "feed", "state": "running", "frames": 12, "lag_ms": 9.0,
        "started_at": 1, "uptime_seconds": 4.0, "audit": {"series": 3, "bars": 10},
        "history_failed": {"B 1h": "timeout", "C 1h": "gone"}, "commands": [1],
    }  # fmt: skip


def test_one_alone_stays_as_it_is():
    assert together([ONE]) == ONE


def test_rates_and_means_are_weighed_by_what_they_count():
    both = reconnects_together(
        [reconnects(1, 1, 8.0, 1, 5, 30), reconnects(9, 0, 2.0, 3, 7)]
    )
    assert both["success_rate"] == 0.1
    assert both["average_delay"] == (8.0 + 3 * 2.0) / 4
    assert both["max_delay"] == 16.0
    assert both["error_distribution"] == {"SSL": 4, "NETWORK": 0}
    assert [record["at"] for record in both["history"]] == [5, 7, 30]


def test_without_a_reconnect_there_is_no_rate():
    both = reconnects_together([reconnects(0, 0, 0.0, 0), {}])
    assert both["success_rate"] is None
    assert both["average_delay"] == 0.0
    assert reconnects_together([{}, {}]) == {}


def test_only_the_newest_of_the_history_are_kept():
    both = reconnects_together([reconnects(2, 2, 1.0, 0, *range(20))] * 2)
    assert [record["at"] for record in both["history"]] == [
        15, 15, 16, 16, 17, 17, 18, 18, 19, 19,
    ]  # fmt: skip
