import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.binance.timesync import RESYNC_SECONDS, ExchangeClock, Sample
from tests.clock import FakeClock


def sample(offset, trip, *, before=1_000_000, answered=0.5):
    """The exchange answers at ``answered`` of the round trip."""
    return Sample(before, int(before + trip * answered + offset), before + trip)


@given(
    st.integers(-3_600_000, 3_600_000),
    st.lists(st.tuples(st.integers(0, 400), st.floats(0, 1)), min_size=1, max_size=7),
)
def test_the_offset_is_wrong_by_half_of_a_round_trip_at_most(offset, trips):
    clock = ExchangeClock(FakeClock())
    clock.learn([sample(offset, trip, answered=at) for trip, at in trips])
    assert abs(clock.offset_ms - offset) <= max(trip for trip, _ in trips) / 2 + 1


def test_one_slow_answer_does_not_move_the_clock():
    clock = ExchangeClock(FakeClock())
    slow = sample(500, 3_000, answered=1)
    clock.learn([sample(500, 20), slow, sample(500, 22)])
    assert clock.offset_ms == pytest.approx(500, abs=1)
    assert clock.round_trip_ms == 20


def test_the_exchanges_time_is_ours_plus_the_offset():
    own = FakeClock()
    clock = ExchangeClock(own)
    assert not clock.synchronised
    assert clock.now_ms() == own.now_ms()
    clock.learn([sample(-7_000, 10)])
    own.move(3)
    assert clock.synchronised
    assert clock.now_ms() == own.now_ms() - 7_000


def test_it_is_learned_again_after_a_while_and_when_our_clock_was_set():
    own = FakeClock()
    clock = ExchangeClock(own)
    assert not clock.due()
    clock.learn([sample(0, 10)])
    own.move(RESYNC_SECONDS - 1)
    assert not clock.due()
    own.ms += 2_000  # NTP, or a machine that slept: the monotonic clock stands
    assert clock.due()
    own.ms -= 2_000
    own.move(1)
    assert clock.due()
    clock.learn([sample(0, 10)])
    assert not clock.due()


def test_limits_of_a_market_that_runs_faster_than_time_are_counted_in_our_time():
    own = FakeClock()
    clock = ExchangeClock(own)
    clock.learn([Sample(0, 50_000, 2), Sample(100, 56_000, 102)])
    assert clock.limits_now_ms() == own.now_ms()
    assert clock.now_ms() != own.now_ms()


def test_a_market_only_a_little_faster_is_noticed_at_the_next_question():
    own = FakeClock()
    clock = ExchangeClock(own)
    clock.learn([sample(0, 10)])
    assert clock.limits_now_ms() == clock.now_ms()
    own.move(300)
    clock.learn([sample(60_000, 10)])
    assert clock.limits_now_ms() == own.now_ms()


def test_our_own_clock_set_is_no_fast_market():
    own = FakeClock()
    clock = ExchangeClock(own)
    clock.learn([sample(0, 10)])
    own.move(30)
    own.ms -= 3_600_000
    clock.learn([sample(3_600_000, 10)])
    assert clock.limits_now_ms() == own.now_ms() + 3_600_000
