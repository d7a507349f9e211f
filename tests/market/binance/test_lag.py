import pytest

from market.binance.lag import STALL_SECONDS, WINDOW_SECONDS, LoopLag


class Machine:
    def __init__(self):
        self.now = 1000.0
        self.told = []
        self.lag = LoopLag(self.told.append, lambda: self.now)

    def wakes(self, at, *, due):
        self.now = at
        return self.lag.woke(due)


@pytest.fixture
def machine():
    return Machine()


def test_waking_a_little_late_is_in_time_and_seen(machine):
    assert machine.wakes(1000.3, due=1000.0) == 0.0
    assert machine.wakes(1001.0, due=1001.0) == 0.0
    assert machine.lag.worst_ms() == 300.0
    assert machine.told == []


def test_a_standstill_is_told_once_however_many_slept(machine):
    assert machine.wakes(1005.0, due=1000.0) == 5.0
    assert machine.wakes(1005.001, due=1000.1) == pytest.approx(4.901)
    assert machine.wakes(1005.25, due=1005.2) == 0.0
    assert machine.told == [5.0]


def test_the_next_standstill_is_told_again(machine):
    machine.wakes(1005.0, due=1000.0)
    machine.wakes(1010.0, due=1005.0)
    assert machine.told == [5.0, 5.0]


def test_just_the_limit_is_no_standstill(machine):
    assert machine.wakes(1000.0 + STALL_SECONDS, due=1000.0) == 0.0
    assert machine.told == []


def test_the_worst_of_the_last_minute_is_kept_and_no_longer(machine):
    machine.wakes(1000.4, due=1000.0)
    for second in range(1, WINDOW_SECONDS):
        machine.wakes(1000.0 + second + 0.01, due=1000.0 + second)
    assert machine.lag.worst_ms() == 400.0
    machine.wakes(1001.0 + WINDOW_SECONDS, due=1001.0 + WINDOW_SECONDS)
    assert machine.lag.worst_ms() == 10.0


def test_waking_early_is_no_lag(machine):
    assert machine.wakes(1000.0, due=1000.2) == 0.0
    assert machine.lag.worst_ms() == 0.0
