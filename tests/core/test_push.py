import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import push
from core import redis as core_redis
from core.push import (
    CHANNEL,
    NewestPublisher,
    Push,
    pack_items,
    parse,
    queue_position,
    queue_publish,
)

ITEMS = st.lists(st.tuples(st.text(), st.binary()), max_size=8)


@pytest.fixture
async def redis(bus):
    client = core_redis.client()
    yield client
    await client.aclose()


@pytest.fixture
def heard(bus):
    """What reached the push channel, parsed."""
    subscription = bus.pubsub(ignore_subscribe_messages=True)
    subscription.subscribe(CHANNEL)
    subscription.get_message(timeout=5)

    def messages():
        found = []
        while (message := subscription.get_message(timeout=0.1)) is not None:
            found.append(parse(message["data"]))
        return found

    yield messages
    subscription.close()


@given(st.text(), st.sampled_from(["newest", "queue"]), st.integers(0, 2**62), ITEMS)
def test_a_message_is_parsed_into_what_it_was_made_of(topic, mode, seq, items):
    head = json.dumps({"topic": topic, "mode": mode, "epoch": "e", "seq": seq})
    parsed = parse(head.encode() + b"\n" + pack_items(items))
    assert parsed == Push(topic, mode, "e", seq, tuple(items))


@given(st.binary(max_size=200))
def test_malformed_bytes_are_a_value_error_and_nothing_else(raw):
    try:
        parse(raw)
    except ValueError:
        return


@pytest.mark.parametrize("raw", [b"", b"{}", b"{}\n", b'{"topic":"a"}\n\x90'])
def test_a_message_without_header_or_body_is_refused(raw):
    with pytest.raises(ValueError, match="push message"):
        parse(raw)


async def test_newest_topics_count_their_own_messages_of_one_run(redis, heard):
    publisher = NewestPublisher(redis, "run")
    assert publisher.seq("quotes") == 0
    for topic in ("quotes", "feed", "quotes"):
        pipeline = redis.pipeline()
        publisher.stage(pipeline, topic, [("k", b"1")])
        await pipeline.execute()
    assert [(m.topic, m.seq, m.epoch, m.mode) for m in heard()] == [
        ("quotes", 1, "run", "newest"),
        ("feed", 1, "run", "newest"),
        ("quotes", 2, "run", "newest"),
    ]


async def test_queue_items_are_numbered_by_the_server(redis, bus, heard):
    assert queue_position(bus, "events") == ("", 0)
    assert await queue_publish(redis, "events", [("1", b"1"), ("2", b"2")], "e") == 2
    assert await queue_publish(redis, "events", [("3", b"3")], "other run") == 3
    assert queue_position(bus, "events") == ("e", 3)
    assert push.position("events") == {"epoch": "e", "seq": 3}
    assert [(m.epoch, m.seq, [k for k, _ in m.items]) for m in heard()] == [
        ("e", 2, ["1", "2"]),
        ("e", 3, ["3"]),
    ]


async def test_queues_of_several_processes_are_numbered_in_the_order_they_appear(
    redis, heard
):
    others = [core_redis.client() for _ in range(4)]
    await asyncio.gather(
        *(
            queue_publish(each, "events", [(f"{n}-{i}", b"1")] * (i % 3 + 1), f"e{n}")
            for n, each in enumerate(others)
            for i in range(25)
        )
    )
    for each in others:
        await each.aclose()
    expected = 0
    for message in heard():
        expected += len(message.items)
        assert message.seq == expected
    assert expected == 4 * sum(i % 3 + 1 for i in range(25))


def test_the_push_channel_has_the_products_prefix():
    assert push.CHANNEL.startswith("quantai:")


def test_without_redis_a_queue_stands_nowhere(settings):
    site = settings.QUANTAI.site.model_copy(
        update={"redis_url": "redis://127.0.0.1:1/0"}
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    assert push.position("events") == {"epoch": "", "seq": 0}
