"""The one gate through which anything reaches a browser.

A push message is a header line and a body on one Redis channel::

    {"topic": …, "mode": "newest" | "queue", "epoch": …, "seq": N}\\n<msgpack items>

Items are (key, JSON bytes) pairs, encoded once by the publisher. ``newest`` topics
replace the item of a key and number their messages per publisher run (epoch);
``queue`` topics hand on every item and number the items in Redis, so that several
processes may publish to one queue. Push is a hint: HTTP holds the truth.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec
from django.db import transaction
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from core import wire
from core.redis import UNAVAILABLE, key, sync_client

log = logging.getLogger(__name__)

CHANNEL = key("push")

# Numbering and publishing in one step: otherwise two processes could number in one
# order and publish in the other, and every browser would see a gap.
_QUEUE_SCRIPT = """
local epoch = redis.call('GET', KEYS[2])
if not epoch then
  epoch = ARGV[3]
  redis.call('SET', KEYS[2], epoch)
end
local seq = redis.call('INCRBY', KEYS[1], tonumber(ARGV[2]))
local head = '{"topic":"' .. ARGV[1] .. '","mode":"queue","epoch":"' .. epoch
redis.call('PUBLISH', KEYS[3], head .. '","seq":' .. seq .. '}\\n' .. ARGV[4])
return seq
"""


class Push(msgspec.Struct, frozen=True):
    """One decoded push message; ``seq`` is the number of the last item of a queue."""

    topic: str
    mode: str
    epoch: str
    seq: int
    items: tuple[tuple[str, bytes], ...] = ()


_items = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...])
_header = msgspec.json.Decoder(Push)


def pack_items(items: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the body of a push message."""
    return msgspec.msgpack.encode(tuple(items))


def parse(raw: bytes) -> Push:
    """Return the message in ``raw``; raises ``ValueError`` when it is malformed."""
    head, separator, body = raw.partition(b"\n")
    if not separator:
        raise ValueError("push message without a body")
    try:
        push = _header.decode(head)
        return msgspec.structs.replace(push, items=_items.decode(body))
    except msgspec.MsgspecError as error:
        raise ValueError(f"malformed push message: {error}") from error


class NewestPublisher:
    """Publishes newest-wins topics of one process run.

    ``epoch`` names the run: when it changes, browsers fetch the snapshot again.
    """

    def __init__(self, redis: "AsyncRedis", epoch: str) -> None:
        self._redis = redis
        self.epoch = epoch
        self._seq: dict[str, int] = {}

    def seq(self, topic: str) -> int:
        """Return the number of the last message published on ``topic``."""
        return self._seq.get(topic, 0)

    def stage(
        self, pipeline: Any, topic: str, items: Sequence[tuple[str, bytes]]
    ) -> None:
        """Queue the message on ``pipeline`` so that it follows the snapshot it tells of."""
        seq = self._seq[topic] = self.seq(topic) + 1
        head = wire.encode(
            {"topic": topic, "mode": "newest", "epoch": self.epoch, "seq": seq}
        )
        pipeline.publish(CHANNEL, head + b"\n" + pack_items(items))


async def queue_publish(
    redis: "AsyncRedis", topic: str, items: Sequence[tuple[str, bytes]], epoch: str
) -> int:
    """Publish every item on a queued topic and return the last item's number.

    ``epoch`` is used only when the server has none for the topic yet (a fresh Redis).
    """
    return int(await redis.eval(*_queue_call(topic, items, epoch)))


def queue_on_commit(topic: str, items: Sequence[tuple[str, bytes]]) -> None:
    """Publish on a queued topic once the current transaction is committed.

    For synchronous code; outside of a transaction it publishes at once. Nobody waits
    for Redis: when it is away the browsers find the rows over HTTP.
    """
    transaction.on_commit(lambda: _queue_now(topic, items))


_run = uuid.uuid4().hex[:12]
_sent: Counter[str] = Counter()


def newest_now(topic: str, items: Sequence[tuple[str, bytes]]) -> None:
    """Publish on a newest-wins topic of this process; for synchronous code.

    Nobody waits for Redis: when it is away the browsers find the rows over HTTP.
    """
    _sent[topic] += 1
    epoch = f"{_run}-1"
    head = {"topic": topic, "mode": "newest", "epoch": epoch, "seq": _sent[topic]}
    try:
        with sync_client() as redis:
            redis.publish(CHANNEL, wire.encode(head) + b"\n" + pack_items(items))
    except UNAVAILABLE as error:
        log.warning("browsers are not told of %s: %s", topic, error)


def _queue_now(topic: str, items: Sequence[tuple[str, bytes]]) -> None:
    try:
        with sync_client() as redis:
            redis.eval(*_queue_call(topic, items, uuid.uuid4().hex[:12]))
    except UNAVAILABLE as error:
        log.warning("browsers are not told of %s: %s", topic, error)


def _queue_call(topic: str, items: Sequence[tuple[str, bytes]], epoch: str) -> Any:
    """Return the arguments of EVAL: script, number of keys, keys, values."""
    keys = (key("seq", topic), key("epoch", topic), CHANNEL)
    values = (topic, len(items), epoch, pack_items(items))
    return (_QUEUE_SCRIPT, len(keys), *keys, *values)


def queue_position(redis: Redis, topic: str) -> tuple[str, int]:
    """Return (epoch, number of the last item) of a queued topic; ("", 0) when new."""
    epoch, seq = cast(
        tuple[bytes | None, bytes | None],
        redis.mget(key("epoch", topic), key("seq", topic)),
    )
    return (epoch or b"").decode(), int(seq or 0)


def position(topic: str) -> dict[str, Any]:
    """Return where a queued topic stands, as REST tells it; empty without Redis.

    Read it before the rows: what comes between the two is then told again instead of
    never.
    """
    try:
        with sync_client() as redis:
            epoch, seq = queue_position(redis, topic)
    except UNAVAILABLE:
        epoch, seq = "", 0
    return {"epoch": epoch, "seq": seq}
