import json

import pytest

from market.simulator.clock import SimClock


class Real:
    now = 1_795_176_000_000

    def __call__(self):
        return self.now


@pytest.fixture
def real():
    return Real()


def test_at_speed_one_time_is_real_and_nothing_is_kept(real, tmp_path):
    clock = SimClock(real=real, file=tmp_path / "clock.json")
    real.now += 1234
    assert clock.market_ms() == real.now
    assert not (tmp_path / "clock.json").exists()


def test_a_faster_clock_goes_on_after_a_restart(real, tmp_path):
    file = tmp_path / "clock.json"
    clock = SimClock(speed=60, real=real, file=file)
    real.now += 10_000
    before = clock.market_ms()
    assert before == real.now - 10_000 + 600_000
    again = SimClock(speed=60, real=real, file=file)
    assert again.market_ms() == before
    assert again.seconds_until(before + 3_000) == pytest.approx(0.05)


def test_time_never_goes_back_when_the_speed_changes(real, tmp_path):
    file = tmp_path / "clock.json"
    SimClock(speed=600, real=real, file=file)
    real.now += 60_000
    slower = SimClock(speed=2, real=real, file=file)
    shown = slower.market_ms()
    assert shown == real.now + 599 * 60_000
    assert json.loads(file.read_text())["speed"] == 2
    back = SimClock(speed=1, real=real, file=file)
    assert back.market_ms() == shown


def test_skew_moves_the_market_and_the_shown_skew_only_the_answer(real):
    clock = SimClock(real=real, skew_ms=-5_000)
    assert clock.market_ms() == real.now - 5_000
    clock.shown_skew_ms = 2_000
    assert clock.market_ms() == real.now - 5_000
    assert clock.shown_ms() == real.now - 3_000
