import pytest

from quantai_site.supervision.process_table import Observation, ProcessTable


@pytest.fixture
def table():
    return ProcessTable()


def see(table, state, pid=0, *, now=0.0, reason=""):
    return table.observe([Observation("feed", state, pid, reason)], now)


def test_every_change_of_state_is_one_line(table):
    assert see(table, "STARTING", 7) == ["feed       starting (pid 7)"]
    assert see(table, "STARTING", 7) == []
    assert see(table, "RUNNING", 7) == ["feed       running (pid 7)"]
    assert see(table, "RUNNING", 7) == []


def test_a_process_that_was_not_started_yet_is_no_news(table):
    assert see(table, "STOPPED") == []


def test_a_new_pid_is_a_restart_even_when_the_change_was_missed(table):
    see(table, "RUNNING", 7)
    assert see(table, "RUNNING", 8) == ["feed       running (pid 8, restarts 1)"]
    assert table.restarts("feed") == 1
    assert table.pids() == {"feed": 8}


def test_a_given_up_process_is_due_again_after_a_growing_delay(table):
    now = 0.0
    for delay in (5, 10, 20, 40, 60, 60):
        line = see(table, "FATAL", now=now, reason="exit status 1")[0]
        assert f"next try in {delay} s" in line
        assert "exit status 1" in line
        assert table.due(now + delay - 0.1) == []
        now += delay
        assert table.due(now) == ["feed"]
        assert table.due(now) == []
        see(table, "STARTING", int(now) + 100, now=now)


def test_a_minute_of_health_makes_the_delay_short_again(table):
    see(table, "FATAL", now=0)
    see(table, "RUNNING", 9, now=10)
    see(table, "RUNNING", 9, now=80)
    assert "next try in 5 s" in see(table, "FATAL", now=90)[0]
