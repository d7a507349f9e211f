import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.binance.config import WsSettings
from market.binance.failures import ReconnectAsked, StreamEnded
from market.binance.reconnect import ExponentialBackoffReconnector

EXACT = WsSettings(reconnect_jitter=0)


def reconnector(config=EXACT):
    return ExponentialBackoffReconnector(config, random.Random(1))


def lose(target, times, *, start=0.0, error=None):
    return [
        target.lost(error or StreamEnded(1006), start + step, int(start + step) * 1000)
        for step in range(times)
    ]


def test_delays_double_up_to_the_maximum():
    delays = [record.delay_seconds for record in lose(reconnector(), 9)]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_cloud_profile_waits_long_after_five_failures():
    config = WsSettings(profile="cloud", reconnect_jitter=0)
    delays = [record.delay_seconds for record in lose(reconnector(config), 10)]
    assert delays == [1, 2, 4, 8, 16, 60, 120, 240, 300, 300]


def test_long_delays_are_capped_by_the_maximum():
    config = WsSettings(long_delay_after=2, reconnect_jitter=0)
    delays = [record.delay_seconds for record in lose(reconnector(config), 5)]
    assert delays == [1, 2, 60, 60, 60]


@given(st.floats(0, 0.9), st.integers(0, 30))
def test_jitter_stays_within_its_fraction(jitter, failures):
    target = reconnector(WsSettings(reconnect_jitter=jitter))
    records = lose(target, failures + 1)
    base = min(2.0**failures, 60.0) if failures < 10 else 60.0
    # Delays are rounded to milliseconds in the record.
    low, high = base * (1 - jitter) - 0.001, base * (1 + jitter) + 0.001
    assert low <= records[-1].delay_seconds <= high


def test_first_data_resets_the_retry_counter_but_not_yet_the_delay():
    target = reconnector()
    lose(target, 3)
    assert target.data_arrived(10.0) is True
    assert target.retries == 0
    assert target.lost(StreamEnded(1006), 30.0, 30_000).delay_seconds == 8


def test_the_delay_falls_back_after_a_minute_of_healthy_data():
    target = reconnector()
    lose(target, 3)
    target.data_arrived(10.0)
    target.healthy(69.0)
    assert target.lost(StreamEnded(1006), 69.5, 69_500).delay_seconds == 8
    target.data_arrived(100.0)
    target.healthy(160.0)
    assert target.lost(StreamEnded(1006), 161.0, 161_000).delay_seconds == 1


def test_how_much_health_forgets_the_delay_is_a_setting():
    config = EXACT.model_copy(update={"reconnect_healthy_after": 3.0})
    target = reconnector(config)
    lose(target, 3)
    target.data_arrived(10.0)
    target.healthy(12.9)
    assert target.lost(StreamEnded(1006), 12.9, 12_900).delay_seconds == 8
    target.data_arrived(20.0)
    target.healthy(23.0)
    assert target.lost(StreamEnded(1006), 23.0, 23_000).delay_seconds == 1


def test_it_counts_as_exhausted_after_the_maximum_of_dials_without_data():
    target = reconnector()
    lose(target, 9)
    assert not target.exhausted
    lose(target, 1)
    assert target.exhausted
    target.data_arrived(20.0)
    assert not target.exhausted


def test_more_than_three_failed_reconnects_in_five_minutes_are_flapping():
    target = reconnector()
    lose(target, 4)
    assert not target.flapping(4.0)
    lose(target, 1, start=4.0)
    assert target.flapping(5.0)
    assert not target.flapping(400.0)


def test_a_connection_that_dies_soon_after_its_data_counts_as_failed_reconnect():
    target = reconnector()
    for step in range(5):
        target.data_arrived(step * 20.0)
        target.lost(StreamEnded(1006), step * 20.0 + 10.0, step * 20_000)
    assert target.flapping(100.0)


def test_success_rate_counts_only_reconnects_whose_outcome_is_known():
    target = reconnector()
    lose(target, 2)
    target.data_arrived(5.0)
    lose(target, 1, start=100.0)
    assert (target.total, target.succeeded, target.settled) == (3, 1, 2)
    assert [record.success for record in target.history] == [False, True]


def test_records_keep_reason_class_and_time_since_the_one_before():
    target = reconnector()
    first = target.lost(ConnectionResetError(104, "reset"), 1.0, 1_000)
    second = target.lost(TimeoutError("slow"), 3.5, 3_500)
    assert (first.error_type, first.since_previous_seconds) == ("NETWORK", None)
    assert (second.error_type, second.since_previous_seconds) == ("TIMEOUT", 2.5)
    assert "slow" in second.reason
    assert [r.attempt for r in target.failures] == [1, 2]


def test_only_the_last_ten_are_kept_in_memory():
    target = reconnector()
    lose(target, 25)
    assert len(target.failures) == 10
    assert len(target.history) == 10
    assert target.total == 25


def test_a_reconnect_that_was_asked_for_is_immediate_and_no_failure():
    target = reconnector()
    record = target.lost(ReconnectAsked("please"), 1.0, 1_000)
    assert record.delay_seconds == 0
    assert (target.retries, sum(target.errors.values()), target.total) == (0, 0, 1)


def test_the_exchanges_retry_after_is_obeyed():
    from market.binance.failures import HandshakeRefused

    record = reconnector().lost(HandshakeRefused(429, "", 30.0), 1.0, 1_000)
    assert record.delay_seconds == 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"reconnect_initial_delay": 0},
        {"reconnect_backoff_factor": 1},
        {"reconnect_jitter": 1},
        {"reconnect_jitter": -0.1},
        {"reconnect_max_retries": 0},
        {"ping_interval": -1},
        {"reconnect_max_delay": 0.5},
        {"message_warning_timeout": 1200},
    ],
)
def test_impossible_settings_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        WsSettings(**wrong)
