"""From samples and events to times: detection, recovery, reconnects."""

import itertools
from dataclasses import replace

from benchmarks.soak.outcome import Window, judge, reconnects
from benchmarks.soak.watch import Sample, SeenTrades

STREAMS = 68
NUMBERS = itertools.count(1)


def sample(at, *, live=STREAMS, told=None, all_open=True):
    return Sample(at, at if told is None else told, STREAMS, live, all_open)


def event(at, kind, connection="market-1", reason=""):
    facts = {"id": next(NUMBERS), "at": at, "connection": connection}
    return {**facts, "kind": kind, "reason": reason}


def seen(window, samples, events=(), gaps=()):
    return judge(window, samples, events, gaps, STREAMS)


WINDOW = Window(armed=1_000, ended=3_000, until=9_000, horizon=9_000)


def test_a_fault_that_nothing_tells_of_is_not_noticed():
    found = seen(WINDOW, [sample(at) for at in (1_100, 2_100, 3_100)])
    assert (found.sign, found.detected_ms, found.recovered_ms) == ("", None, 0)
    assert not found.interrupted


def test_the_first_sign_is_the_detection_and_the_first_whole_report_the_recovery():
    samples = [sample(1_100), sample(2_100, live=60), sample(4_200, live=67)]
    samples += [sample(5_200), sample(6_200)]
    found = seen(WINDOW, samples, [event(1_250, "disconnected")])
    assert (found.sign, found.detected_ms) == ("disconnected", 250)
    assert found.recovered_ms == 2_200
    assert found.interrupted


def test_a_report_from_before_the_loss_is_no_recovery():
    samples = [sample(3_400, told=3_050), sample(5_000)]
    found = seen(WINDOW, samples, [event(3_300, "disconnected")])
    assert found.recovered_ms == 2_000


def test_streams_that_stay_away_are_not_recovered():
    samples = [sample(at, live=60) for at in range(1_100, 9_000, 1_000)]
    assert seen(WINDOW, samples).recovered_ms is None


def test_a_connection_in_another_state_is_not_whole():
    samples = [sample(2_000, all_open=False), sample(4_000)]
    found = seen(WINDOW, samples)
    assert (found.sign, found.recovered_ms) == ("not all live", 1_000)


def test_a_report_that_is_old_or_cannot_be_read_is_a_sign():
    assert seen(WINDOW, [Sample(1_200), sample(4_000)]).sign == "stale"
    held = [sample(3_600, told=1_050), sample(4_000)]
    found = seen(WINDOW, held)
    assert (found.sign, found.detected_ms) == ("stale", 2_600)
    assert found.recovered_ms == 1_000


def test_what_happens_after_the_window_belongs_to_the_next_fault():
    found = seen(WINDOW, [sample(3_500)], [event(9_000, "disconnected")])
    assert found.sign == ""


def test_when_faults_overlap_recovery_is_looked_for_beyond_the_next_one():
    overlapping = Window(armed=1_000, ended=3_000, until=3_500, horizon=23_000)
    samples = [sample(1_200, live=60), sample(5_000, live=60), sample(7_000)]
    assert seen(overlapping, samples).recovered_ms == 4_000
    assert seen(replace(overlapping, horizon=3_500), samples).recovered_ms is None


def test_a_gap_is_a_sign_and_no_interruption():
    found = seen(WINDOW, [sample(3_500)], gaps=[(4_000, "gap of kline")])
    assert (found.sign, found.detected_ms) == ("gap of kline", 3_000)
    assert found.recovered_ms == 0


def test_a_stream_that_falls_silent_is_told_by_the_events_that_name_it():
    slow = Window(1_000, 1_000, 91_000, 111_000, stream="btcusdt@kline_1m")
    named = "btcusdt@kline_1m: no frame for 60 s"
    events = [
        event(9_000, "disconnected"),
        event(50_000, "silent", reason="ethusdt@kline_1m: no frame for 60 s"),
        event(61_500, "silent", reason=named),
        event(64_600, "lost", reason=named),
    ]
    samples = [sample(9_500, live=40), sample(62_000, live=67), sample(66_000)]
    found = seen(slow, samples, events)
    assert (found.sign, found.detected_ms) == ("silent", 60_500)
    assert found.recovered_ms == 65_000
    assert seen(slow, samples[:2], events).recovered_ms is None


def test_a_stream_that_is_still_silent_is_not_put_down_to_the_next_fault():
    samples = [sample(2_000, live=67), sample(4_000, live=67)]
    assert seen(WINDOW, samples).recovered_ms is None
    beside = seen(replace(WINDOW, spare=1), samples)
    assert (beside.sign, beside.recovered_ms) == ("", 0)
    samples = [sample(2_000, live=66), sample(4_000, live=67)]
    assert seen(replace(WINDOW, spare=1), samples).recovered_ms == 1_000


def test_an_interruption_lasts_until_data_flows_however_many_dials_it_takes():
    found = reconnects(
        [
            event(1_000, "disconnected"),
            event(2_000, "disconnected"),
            event(2_100, "disconnected", "public-1"),
            event(4_500, "connected"),
        ],
        [],
    )
    assert (found.interruptions, found.ended) == (2, 1)
    assert (found.dials, found.dials_with_data) == (2, 1)
    assert found.seconds == (3.5,)
    assert found.success_rate == 0.5


def test_what_a_killed_feed_took_along_is_no_failed_reconnect():
    events = [event(1_000, "disconnected"), event(6_000, "connected")]
    found = reconnects(events, [3_000])
    assert (found.interruptions, found.ended) == (0, 0)
    assert found.success_rate is None


def test_the_first_connection_of_all_is_no_reconnect():
    assert reconnects([event(1_000, "connected")], []).interruptions == 0


def items(*numbers, price=1.0):
    return [[number, 0, price, 2.0, True] for number in numbers]


def test_trades_are_kept_by_run_once_each():
    trades = SeenTrades()
    trades.see("BTCUSDT", "a", items(1, 2))
    trades.see("BTCUSDT", "a", items(2, 3))
    trades.see("BTCUSDT", "b", items(9))
    assert {key: sorted(run) for key, run in trades.runs.items()} == {
        ("BTCUSDT", "a"): [1, 2, 3],
        ("BTCUSDT", "b"): [9],
    }
    assert (trades.duplicates, trades.changed) == (0, 0)


def test_an_id_twice_on_the_tape_or_with_another_price_is_counted():
    trades = SeenTrades()
    trades.see("BTCUSDT", "a", items(1, 2, 2))
    trades.see("BTCUSDT", "a", items(2, price=1.5))
    assert (trades.duplicates, trades.changed) == (1, 1)
