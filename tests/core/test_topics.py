import json

from hypothesis import given
from hypothesis import strategies as st

from core import topics
from core.push import Push
from core.topics import (
    PUBLISHERS_KEPT,
    QUEUE_KEPT,
    NewestTopic,
    QueueTopic,
    TopicRule,
)


def newest(seq, items, epoch="run"):
    pairs = tuple((key, json.dumps({"k": key, "v": v}).encode()) for key, v in items)
    return Push("t", "newest", epoch, seq, pairs)


def queued(seq, values, epoch="run"):
    items = tuple((str(v), json.dumps({"id": v}).encode()) for v in values)
    return Push("t", "queue", epoch, seq, items)


def said(topic, version):
    text = topic.text_since(version)
    return None if text is None else json.loads(text)


def test_a_listener_gets_what_changed_since_its_version_each_key_once():
    topic = NewestTopic("t")
    topic.apply(newest(1, [("a", 1), ("b", 1)]))
    at = topic.version
    topic.apply(newest(2, [("a", 2)]))
    topic.apply(newest(3, [("a", 3), ("c", 3)]))
    message = said(topic, at)
    assert message["type"] == "data"
    assert message["seq"] == 3
    assert sorted((i["k"], i["v"]) for i in message["items"]) == [("a", 3), ("c", 3)]
    assert said(topic, topic.version) is None


def test_a_lost_message_starts_a_new_epoch():
    topic = NewestTopic("t")
    topic.apply(newest(1, [("a", 1)]))
    before = topic.position
    topic.apply(newest(2, [("a", 2)]))
    assert topic.position == before
    topic.apply(newest(4, [("a", 4)]))
    assert topic.position != before
    assert said(topic, 0)["epoch"] == topic.position


def test_a_new_run_of_the_publisher_starts_a_new_epoch():
    topic = NewestTopic("t")
    topic.apply(newest(1, [("a", 1)], epoch="one-1"))
    before = topic.position
    for number, epoch in enumerate(("one-2", "two-1"), 1):
        topic.apply(newest(1, [("a", number)], epoch=epoch))
        assert topic.position not in (before, f"{epoch}.0")
        assert topic.position.startswith(f"{epoch}.")
        before = topic.position


def test_publishers_of_one_topic_do_not_disturb_each_other():
    topic = NewestTopic("t")
    topic.apply(newest(1, [("a", 1)], epoch="one-1"))
    topic.apply(newest(1, [("b", 1)], epoch="two-1"))
    both = topic.position
    for seq in (2, 3, 4):
        topic.apply(newest(seq, [("a", seq)], epoch="one-1"))
        topic.apply(newest(seq, [("b", seq)], epoch="two-1"))
    assert topic.position == both
    topic.apply(newest(6, [("b", 6)], epoch="two-1"))
    assert topic.position != both
    assert sorted((i["k"], i["v"]) for i in said(topic, 0)["items"]) == [
        ("a", 4),
        ("b", 6),
    ]


def test_of_publishers_long_gone_nothing_is_kept():
    topic = NewestTopic("t")
    for number in range(3 * PUBLISHERS_KEPT):
        topic.apply(newest(1, [("a", number)], epoch=f"{number}-1"))
    assert len(topic._heard) == PUBLISHERS_KEPT


def test_text_is_made_once_for_all_listeners_at_the_same_version():
    topic = NewestTopic("t")
    topic.apply(newest(1, [("a", 1)]))
    assert topic.text_since(0) is topic.text_since(0)


def test_queue_items_come_in_order_and_seq_is_the_last_items():
    topic = QueueTopic("t")
    topic.apply(queued(2, [1, 2]))
    at = topic.version
    topic.apply(queued(5, [3, 4, 5]))
    message = said(topic, at)
    assert message["type"] == "queue"
    assert message["seq"] == 5
    assert [i["id"] for i in message["items"]] == [3, 4, 5]


def test_a_listener_too_far_behind_sees_a_gap_instead_of_wrong_items():
    topic = QueueTopic("t")
    for number in range(1, QUEUE_KEPT + 101):
        topic.apply(queued(number, [number]))
    message = said(topic, 0)
    assert len(message["items"]) == QUEUE_KEPT
    assert message["seq"] - len(message["items"]) == 100
    assert message["items"][-1]["id"] == message["seq"]


def test_a_queue_of_a_fresh_server_forgets_the_items_of_the_old_one():
    topic = QueueTopic("t")
    topic.apply(queued(2, [1, 2]))
    topic.apply(queued(1, [9], epoch="fresh"))
    assert topic.position == "fresh"
    assert [i["id"] for i in said(topic, 0)["items"]] == [9]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.data())
def test_a_missed_queue_message_always_shows_as_a_gap(sizes, data):
    """seq minus the number of items is the last seq only when nothing was missed."""
    missed = data.draw(st.sets(st.integers(0, len(sizes) - 1)))
    reads = data.draw(st.sets(st.integers(0, len(sizes) - 1))) | {len(sizes) - 1}
    topic, at, last, seq, complete = QueueTopic("t"), 0, 0, 0, True
    delivered = 0
    for index, size in enumerate(sizes):
        seq += size
        if index in missed:
            complete = False
        else:
            topic.apply(queued(seq, range(seq - size + 1, seq + 1)))
            delivered = seq
        message = said(topic, at) if index in reads else None
        if message is None:
            continue
        at = topic.version
        unbroken = message["seq"] - len(message["items"]) == last
        assert unbroken == (
            [i["id"] for i in message["items"]] == list(range(last + 1, delivered + 1))
        )
        if complete:
            assert unbroken
        last = message["seq"]


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abcd"), st.integers()), max_size=3),
        max_size=20,
    ),
    st.sets(st.integers(0, 19)),
)
def test_any_reading_rhythm_ends_at_the_newest_values(pushes, reads):
    topic, at = NewestTopic("t"), 0
    truth, browser = {}, {}
    for index, items in enumerate(pushes, 1):
        topic.apply(newest(index, items))
        truth.update(items)
        if index in reads and (message := said(topic, at)) is not None:
            at = topic.version
            browser.update((i["k"], i["v"]) for i in message["items"])
    if (message := said(topic, at)) is not None:
        browser.update((i["k"], i["v"]) for i in message["items"])
    assert browser == truth


def test_a_rule_covers_its_family_and_unknown_topics_have_none(monkeypatch):
    monkeypatch.setattr(topics, "_rules", {})
    topics.register(TopicRule("symbol"))
    topics.register(TopicRule("orders", permission="accounts.view"))
    assert topics.rule_for("symbol:BTCUSDT").name == "symbol"
    assert topics.rule_for("orders").permission == "accounts.view"
    assert topics.rule_for("nothing") is None
    assert topics.rule_for("nothing:BTCUSDT") is None
