"""A replay on the pages of a venue, in place of its feed.

The values go through the feed's own publisher at the feed's own rate. When the
replay ends its rows are taken out of the snapshot again, so that a feed which goes on
afterwards does not find numbers that are ahead of its own.
"""

import asyncio
import contextlib
import time
import uuid
from types import TracebackType
from typing import Self

from redis.asyncio import Redis as AsyncRedis

from core import redis as core_redis
from core import snapshot
from core.errors import BusUnavailable, InvalidInput
from market import live, services
from market.publisher import BARS, META, QUOTES, Publisher, symbol_topic
from market.replay import Replay

FEED_SILENT_SECONDS = 10.0
NAME = "replay"


class ReplayPages:
    """Publishes the state of a replay; use as a context manager.

    Entering raises InvalidInput while a feed of the venue is running, because two
    writers would take turns on the same rows, and BusUnavailable without Redis.
    """

    def __init__(self, replay: Replay, *, venue: str, push_hz: float) -> None:
        self._replay = replay
        self._venue = venue
        self._period = 1.0 / push_hz
        self._due = 0.0
        self._redis: AsyncRedis | None = None
        self._publisher: Publisher | None = None

    def __enter__(self) -> Self:
        report = live.feed(self._venue)
        if (
            report is not None
            and report.get("state") == "running"
            and (report["age_seconds"] or 0.0) < FEED_SILENT_SECONDS
        ):
            raise InvalidInput(
                "browser", self._venue, "its feed is running; stop the feed first"
            )
        with contextlib.ExitStack() as stack:
            self._runner = stack.enter_context(asyncio.Runner())
            self._runner.run(self._open())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            self._runner.run(self._close())

    def tick(self) -> None:
        """Publish what changed, when it is time to."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._period
            self._runner.run(self._publish())

    async def _open(self) -> None:
        self._redis = core_redis.client()
        try:
            await self._redis.ping()
        except core_redis.UNAVAILABLE as error:
            await self._redis.aclose()
            raise BusUnavailable(f"pages cannot be reached: {error}") from error
        self._publisher = Publisher(
            self._redis, self._venue, f"replay-{uuid.uuid4().hex[:8]}",
            self._replay.state, name=NAME,
        )  # fmt: skip

    async def _publish(self) -> None:
        publisher = self._publisher
        if publisher is None:
            return
        self._replay.show_books()
        before = publisher.watched
        watched = await publisher.watch(
            int(time.time() * 1000), services.interest_key(self._venue)
        )
        publisher.offer(self._replay.state.drain_changes() | (watched - before))
        await publisher.bars()
        await _others_done()

    async def _close(self) -> None:
        """Publish the end of the capture, then leave the snapshot as a feed needs it."""
        if self._redis is None:
            return
        try:
            await self._publish()
            await self._clean(self._redis)
        except core_redis.UNAVAILABLE as error:
            raise BusUnavailable(f"pages cannot be reached: {error}") from error
        finally:
            await self._redis.aclose()

    async def _clean(self, redis: AsyncRedis) -> None:
        pipeline = redis.pipeline(transaction=False)
        topics = [symbol_topic(symbol) for symbol in self._replay.state.symbols()]
        for table in (QUOTES, BARS, *topics):
            snapshot.stage_replace(pipeline, self._venue, table, [])
        snapshot.stage_remove(pipeline, self._venue, META, [NAME])
        await pipeline.execute()


async def _others_done() -> None:
    """Wait for the publications under way in this loop."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others)
