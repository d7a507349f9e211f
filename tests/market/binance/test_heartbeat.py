from hypothesis import given
from hypothesis import strategies as st

from market.binance.config import WsSettings
from market.binance.heartbeat import WebSocketHeartbeat

CONFIG = WsSettings(ping_interval=30, pong_timeout=10)


def started():
    heartbeat = WebSocketHeartbeat(CONFIG)
    heartbeat.start(100.0)
    return heartbeat


def test_it_pings_at_once_and_then_every_interval():
    heartbeat = started()
    assert heartbeat.ping(100.0) is not None
    assert heartbeat.ping(129.9) is None
    assert heartbeat.ping(130.0) is not None


def test_an_answer_in_time_gives_the_round_trip():
    heartbeat = started()
    payload = heartbeat.ping(100.0)
    heartbeat.pong(payload, 100.042, 5_000)
    assert heartbeat.rtt_ms() == {"p50": 42.0, "p99": 42.0}
    assert heartbeat.last_pong_time == 5_000
    assert not heartbeat.overdue(200.0)
    assert heartbeat.is_alive


def test_a_missing_pong_is_overdue_after_the_timeout():
    heartbeat = started()
    heartbeat.ping(100.0)
    assert not heartbeat.overdue(110.0)
    assert heartbeat.overdue(110.1)
    assert not heartbeat.is_alive


def test_an_unasked_pong_is_no_answer():
    heartbeat = started()
    heartbeat.ping(100.0)
    heartbeat.pong(b"something else", 101.0, 1)
    assert heartbeat.overdue(111.0)
    assert heartbeat.last_pong_time is None


def test_while_we_do_not_read_no_deadline_runs():
    heartbeat = started()
    heartbeat.ping(100.0)
    heartbeat.suspend()
    assert not heartbeat.overdue(500.0)
    assert heartbeat.ping(500.0) is None
    heartbeat.resume(500.0)
    assert not heartbeat.overdue(509.0)
    assert heartbeat.overdue(511.0)


def test_time_in_which_we_stood_still_does_not_count():
    heartbeat = started()
    heartbeat.ping(100.0)
    heartbeat.extend(40.0)
    assert not heartbeat.overdue(149.9)
    assert heartbeat.overdue(150.1)


def test_before_a_connection_and_after_it_nothing_is_alive():
    heartbeat = WebSocketHeartbeat(CONFIG)
    assert not heartbeat.is_alive
    assert heartbeat.ping(1.0) is None
    heartbeat.start(2.0)
    assert heartbeat.is_alive
    heartbeat.stop()
    assert not heartbeat.is_alive


@given(st.lists(st.floats(0.001, 9.0), min_size=1, max_size=400))
def test_quantiles_lie_within_what_was_measured(round_trips):
    heartbeat = started()
    now = 100.0
    for seconds in round_trips:
        payload = heartbeat.ping(now)
        heartbeat.pong(payload, now + seconds, 1)
        now += 30.0
    rtt = heartbeat.rtt_ms()
    low = min(round_trips[-256:]) * 1000 - 0.01
    high = max(round_trips[-256:]) * 1000 + 0.01
    assert low <= rtt["p50"] <= rtt["p99"] <= high
