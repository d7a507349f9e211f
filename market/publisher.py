"""From state to Redis: what other processes read and what browsers are pushed."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from redis.asyncio import Redis as AsyncRedis

from core import redis as core_redis
from core import snapshot, wire
from core.push import NewestPublisher, queue_publish
from market.domain.state import MarketState

log = logging.getLogger(__name__)

QUOTES = "quotes"
BARS = "bars"
CONNECTIONS = "connections"
FEED = "feed"
EVENTS = "events"
SYMBOL_SECONDS = 120


def symbol_topic(symbol: str) -> str:
    """Return the topic of one symbol's bars, book and trades."""
    return f"symbol:{symbol}"


class Publisher:
    """Writes the newest state of one venue and tells browsers; never blocks the feed.

    While one publication is under way the changed symbols collect, so a slow Redis
    conflates. After Redis was away everything is written again under a new epoch.
    """

    def __init__(
        self, redis: "AsyncRedis", venue: str, run: str, state: MarketState
    ) -> None:
        self._redis = redis
        self._venue = venue
        self._run = run
        self._state = state
        self._newest = NewestPublisher(redis, run)
        self._changed: set[str] = set()
        self._sent: dict[tuple[str, str], int] = {}
        self._job: asyncio.Task[None] | None = None
        self._lost = 0
        self._whole = True
        self.watched: set[str] = set()
        self.published = 0

    @property
    def epoch(self) -> str:
        """The name of this run as browsers see it."""
        return self._newest.epoch

    @property
    def available(self) -> bool:
        """True while Redis takes what we write."""
        return not self._whole

    def offer(self, changed: Iterable[str]) -> None:
        """Publish these symbols as soon as the publication before is done."""
        self._changed.update(changed)
        if self._job is None or self._job.done():
            self._job = asyncio.create_task(self._publish())

    async def _publish(self) -> None:
        changed, self._changed = self._changed, set()
        try:
            await self._write(changed)
        except core_redis.UNAVAILABLE as error:
            self._changed |= changed
            self._lose(error)

    def _lose(self, error: Exception) -> None:
        if not self._whole:
            log.error("Redis is away, pages get no news; sockets go on: %s", error)
        self._whole = True
        self._sent.clear()

    async def _write(self, changed: set[str]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        if self._whole:
            self._lost += 1
            epoch = f"{self._run}-{self._lost}"
            self._newest = NewestPublisher(self._redis, epoch)
            changed = set(self._state.symbols())
            meta = wire.encode({"epoch": epoch})
            snapshot.stage_replace(pipeline, self._venue, "meta", [("quotes", meta)])
        quotes = [
            (symbol, wire.encode(item))
            for symbol in changed
            if (item := self._state.quote_item(symbol)) is not None
        ]
        if self._whole:
            snapshot.stage_replace(pipeline, self._venue, QUOTES, quotes)
        else:
            snapshot.stage(pipeline, self._venue, QUOTES, quotes)
        if quotes:
            self._newest.stage(pipeline, QUOTES, quotes)
        for symbol in changed & self.watched:
            self._stage_symbol(pipeline, symbol)
        await pipeline.execute()
        self._whole = False
        self.published += 1

    def _stage_symbol(self, pipeline: Any, symbol: str) -> None:
        fresh: list[tuple[str, bytes]] = []
        for item in self._state.symbol_items(symbol):
            place = (symbol, item["k"])
            if self._sent.get(place) != item["n"]:
                self._sent[place] = item["n"]
                fresh.append((item["k"], wire.encode(item)))
        if not fresh:
            return
        topic = symbol_topic(symbol)
        snapshot.stage(pipeline, self._venue, topic, fresh)
        pipeline.expire(core_redis.key("state", self._venue, topic), SYMBOL_SECONDS)
        self._newest.stage(pipeline, topic, fresh)

    async def status(self, topic: str, items: list[tuple[str, Any]]) -> None:
        """Publish a status topic (``connections`` or ``feed``) as a whole."""
        encoded = [
            (name, wire.encode({"k": name, "n": self._newest.seq(topic) + 1, **item}))
            for name, item in items
        ]
        try:
            pipeline = self._redis.pipeline(transaction=False)
            snapshot.stage_replace(pipeline, self._venue, topic, encoded)
            self._newest.stage(pipeline, topic, encoded)
            await pipeline.execute()
        except core_redis.UNAVAILABLE as error:
            self._lose(error)

    async def bars(self) -> None:
        """Write the unfinished bar of every series for REST and other processes."""
        items = [
            (f"{symbol}:{interval}", wire.encode(bar))
            for symbol, interval, bar in self._state.live_bars()
        ]
        try:
            pipeline = self._redis.pipeline(transaction=False)
            snapshot.stage(pipeline, self._venue, BARS, items)
            await pipeline.execute()
        except core_redis.UNAVAILABLE as error:
            self._lose(error)

    async def events(self, items: list[tuple[str, Any]]) -> None:
        """Hand on events, each once."""
        encoded = [(name, wire.encode(item)) for name, item in items]
        try:
            await queue_publish(self._redis, EVENTS, encoded, self._run)
        except core_redis.UNAVAILABLE as error:
            self._lose(error)

    async def watch(self, now_ms: int, interest: str) -> set[str]:
        """Return the symbols somebody looks at and prepare their topics."""
        try:
            await self._redis.zremrangebyscore(interest, "-inf", now_ms)
            found: list[bytes] = await self._redis.zrange(interest, 0, -1)  # type: ignore[assignment]
        except core_redis.UNAVAILABLE as error:
            self._lose(error)
            return self.watched
        watched = {name.decode() for name in found}
        for symbol in watched - self.watched:
            self._sent = {
                place: n for place, n in self._sent.items() if place[0] != symbol
            }
        self.watched = watched
        return watched
