import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from market.binance.session import (
    CONTROL_BYTES,
    CONTROL_INTERVAL,
    CONTROL_NAMES,
    COVER_QUIET_SECONDS,
    FIRST_FRAME_SECONDS,
    StreamSession,
)

KLINES = [f"s{n}usdt@kline_15m" for n in range(3)]


def orders(session, now):
    """Every control message the session wants to send, over time."""
    sent = []
    for _ in range(200):
        text = session.outgoing(now)
        if text is not None:
            sent.append((now, json.loads(text)))
        now += CONTROL_INTERVAL / 2
    return sent


def opened(streams=KLINES, now=100.0):
    session = StreamSession(streams)
    session.opened(now)
    return session


def frame(session, name, now):
    status = session.streams[name.encode()]
    status.last_at = now
    status.first_at = status.first_at or now


def acknowledge(session, message, now):
    answer = {"result": None, "id": message["id"]}
    return session.answered(json.dumps(answer).encode(), now)


def test_opening_subscribes_every_stream_once():
    sent = orders(opened(), 100.0)
    assert [m["method"] for _, m in sent] == ["SUBSCRIBE"]
    assert sent[0][1]["params"] == KLINES


@given(st.integers(1, 900), st.integers(3, 12))
def test_control_messages_stay_small_and_paced(count, length):
    names = [f"{n:0{length}d}usdt@kline_15m" for n in range(count)]
    sent = orders(opened(names), 100.0)
    assert [name for _, m in sent for name in m["params"]] == list(dict.fromkeys(names))
    for _, message in sent:
        assert len(message["params"]) <= CONTROL_NAMES
        assert len(json.dumps(message, separators=(",", ":"))) <= CONTROL_BYTES + 100
    times = [at for at, _ in sent]
    gaps = [b - a for a, b in pairwise(times)]
    assert all(gap >= CONTROL_INTERVAL for gap in gaps)


def test_an_acknowledged_stream_without_data_is_silent_and_the_reason_says_so():
    session = opened()
    (_, message) = orders(session, 100.0)[0]
    acknowledge(session, message, 100.2)
    frame(session, KLINES[0], 101.0)
    frame(session, KLINES[1], 101.0)
    findings = session.review(100.0 + FIRST_FRAME_SECONDS + 1)
    silent = [f for f in findings if f.kind == "silent"]
    assert [f.stream for f in silent] == [KLINES[2]]
    assert "acknowledged but no first frame" in silent[0].reason
    assert session.counts(121.0) == (3, 2, 1)


def test_time_in_which_we_stood_still_is_no_silence():
    session = opened(KLINES[:2])
    orders(session, 100.0)
    frame(session, KLINES[0], 101.0)
    session.extend(70.0, 172.0)
    assert session.review(172.0) == []
    assert session.counts(172.0) == (2, 1, 0)
    late = 100.0 + 70.0 + FIRST_FRAME_SECONDS + 0.1
    assert [f.stream for f in session.review(late)] == [KLINES[1]]
    assert len(session.review(101.0 + 70.0 + 60.1)) > 0


def test_a_stream_on_trial_is_subscribed_and_nothing_is_expected_of_it():
    session = StreamSession(KLINES[:1])
    session.add([KLINES[1]], on_trial=True)
    session.opened(100.0)
    ((_, message),) = orders(session, 100.0)
    assert message["params"] == KLINES[:2]
    acknowledge(session, message, 100.2)
    frame(session, KLINES[0], 130.0)
    assert (session.names, session.trials) == (KLINES[:1], KLINES[1:2])
    assert session.counts(130.0) == (1, 1, 0)
    assert session.review(130.0) == []
    assert session.stubborn(1000.0) == []
    session.adopt(KLINES[1])
    assert (session.names, session.trials) == (KLINES[:2], [])
    assert session.counts(130.0) == (2, 1, 0)
    assert [f.stream for f in session.review(130.0)] == [KLINES[1]]


def test_a_stream_asked_for_again_says_whether_it_ever_spoke():
    session = opened(KLINES[:2])
    (_, message) = orders(session, 100.0)[0]
    acknowledge(session, message, 100.2)
    frame(session, KLINES[0], 101.0)
    session.review(165.0)
    asked = [f for f in session.review(170.0) if f.kind == "resubscribed"]
    assert {f.stream: f.never_spoke for f in asked} == {
        KLINES[0]: False,
        KLINES[1]: True,
    }


def test_a_stream_that_nobody_acknowledged_is_not_called_wrong():
    session = opened(KLINES[:1])
    orders(session, 100.0)
    session.review(125.0)
    (asked,) = [f for f in session.review(130.0) if f.kind == "resubscribed"]
    assert not asked.never_spoke


def test_what_was_heard_after_a_standstill_is_not_moved_into_the_future():
    session = opened(KLINES[:1])
    orders(session, 100.0)
    frame(session, KLINES[0], 172.0)
    session.extend(70.0, 172.0)
    assert session.last_frame_at() == 172.0


def test_a_silent_stream_is_asked_for_again_and_more_rarely():
    session = opened(KLINES[:1])
    orders(session, 100.0)
    asked = []
    now = 100.0
    while now < 700.0:
        asked += [now for f in session.review(now) if f.kind == "resubscribed"]
        for _, message in orders(session, now):
            assert message["method"] != "SET_PROPERTY"
        now += 1.0
    gaps = [b - a for a, b in pairwise(asked)]
    assert len(asked) >= 3
    assert gaps == sorted(gaps)


def test_a_stream_that_speaks_again_is_live_again():
    session = opened(KLINES[:1])
    orders(session, 100.0)
    frame(session, KLINES[0], 101.0)
    session.review(170.0)
    assert session.counts(170.0) == (1, 0, 1)
    frame(session, KLINES[0], 171.0)
    session.review(171.5)
    assert session.counts(171.5) == (1, 1, 0)


def test_streams_that_may_be_quiet_are_live_once_acknowledged():
    session = opened(["!contractInfo"])
    (_, message) = orders(session, 100.0)[0]
    assert session.counts(101.0) == (1, 0, 0)
    acknowledge(session, message, 101.0)
    assert session.counts(9_000.0) == (1, 1, 0)
    assert session.review(9_000.0) == []


def test_a_connection_whose_streams_are_all_silent_is_mute():
    session = opened()
    orders(session, 100.0)
    session.review(125.0)
    assert not session.mute(125.0)
    session.review(129.0)
    assert session.mute(129.0)


def test_one_speaking_stream_keeps_the_connection():
    session = opened()
    orders(session, 100.0)
    frame(session, KLINES[0], 124.0)
    session.review(125.0)
    assert not session.mute(125.0)


def test_a_refused_subscription_names_the_streams_and_the_exchanges_words():
    session = opened()
    (_, message) = orders(session, 100.0)[0]
    error = {"error": {"code": 2, "msg": "Invalid request"}, "id": message["id"]}
    findings = session.answered(json.dumps(error).encode(), 101.0)
    assert [f.stream for f in findings] == KLINES
    assert all("Invalid request" in f.reason for f in findings)


def test_streams_are_added_and_removed_while_the_connection_is_open():
    session = opened()
    orders(session, 100.0)
    session.add(["btcusdt@aggTrade", KLINES[0]])
    session.remove([KLINES[1]])
    sent = [(m["method"], m["params"]) for _, m in orders(session, 110.0)]
    assert sent == [
        ("SUBSCRIBE", ["btcusdt@aggTrade"]),
        ("UNSUBSCRIBE", [KLINES[1]]),
    ]
    assert KLINES[1] not in session.names


def test_after_a_new_connection_everything_is_subscribed_again():
    session = opened()
    orders(session, 100.0)
    session.closed()
    session.add(["btcusdt@aggTrade"])
    session.opened(200.0)
    params = [name for _, m in orders(session, 200.0) for name in m["params"]]
    assert params == [*KLINES, "btcusdt@aggTrade"]


@given(st.binary(max_size=80))
def test_no_bytes_are_mistaken_for_an_answer_or_raise(raw):
    assert opened().answered(raw, 100.0) in (None, [])


def test_a_silent_stream_is_probed_before_it_is_asked_for_again():
    session = opened()
    orders(session, 100.0)
    for name in KLINES[:2]:
        frame(session, name, 121.0)
    session.review(121.0)
    (_, probe) = orders(session, 121.0)[0]
    assert probe["method"] == "LIST_SUBSCRIPTIONS"
    assert "params" not in probe
    listed = {"result": KLINES, "id": probe["id"]}
    assert session.answered(json.dumps(listed).encode(), 122.0) == []
    findings = session.review(125.0)
    assert [f.kind for f in findings] == ["resubscribed"]


def test_a_stream_that_the_exchange_lost_is_asked_for_at_once():
    session = opened()
    orders(session, 100.0)
    for name in KLINES[:2]:
        frame(session, name, 121.0)
    session.review(121.0)
    (_, probe) = orders(session, 121.0)[0]
    listed = {"result": KLINES[:2], "id": probe["id"]}
    findings = session.answered(json.dumps(listed).encode(), 122.0)
    assert [(f.kind, f.stream) for f in findings] == [("lost", KLINES[2])]
    sent = [(m["method"], m["params"]) for _, m in orders(session, 122.0)]
    assert sent == [("SUBSCRIBE", [KLINES[2]])]


def test_a_stream_that_stays_silent_is_called_stubborn():
    session = opened()
    orders(session, 100.0)
    now, stubborn = 100.0, []
    while not stubborn and now < 400.0:
        for name in KLINES[:2]:
            frame(session, name, now)
        session.review(now)
        orders(session, now)
        stubborn = session.stubborn(now)
        now += 1.0
    assert stubborn == [KLINES[2]]
    assert not session.mute(now)


def test_a_stream_alone_on_its_connection_is_asked_for_twice_before_it_is_mute():
    session = opened(KLINES[:1])
    orders(session, 100.0)
    asked, now = 0, 100.0
    while not session.mute(now) and now < 400.0:
        asked += sum(f.kind == "resubscribed" for f in session.review(now))
        orders(session, now)
        now += 1.0
    assert asked == 2


def test_a_successor_covers_what_speaks_and_what_is_quiet_on_both():
    old, new = opened(), opened(now=200.0)
    frame(old, KLINES[0], 210.0)
    frame(old, KLINES[1], 150.0)
    assert not new.covers(old, 210.0)
    (_, message) = orders(new, 200.0)[0]
    acknowledge(new, message, 201.0)
    assert not new.covers(old, 210.0)
    frame(new, KLINES[0], 211.0)
    assert new.covers(old, 211.0)
    frame(old, KLINES[1], 212.0)
    assert not new.covers(old, 220.0)


def test_a_successor_waits_for_what_may_still_be_on_its_way():
    old, new = opened(), opened(now=200.0)
    for name in KLINES:
        frame(old, name, 199.0)
    (_, message) = orders(new, 200.0)[0]
    acknowledge(new, message, 201.0)
    frame(new, KLINES[0], 201.5)
    assert not new.covers(old, 201.0 + COVER_QUIET_SECONDS - 0.1)
    assert new.covers(old, 201.0 + COVER_QUIET_SECONDS)
