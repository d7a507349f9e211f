"""From state to Redis: what other processes read and what browsers are pushed."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from redis.asyncio import Redis as AsyncRedis

from core import redis as core_redis
from core import snapshot, wire
from core.push import NewestPublisher, queue_publish
from market.domain.state import MarketState

log = logging.getLogger(__name__)

META = "meta"
QUOTES = "quotes"
BARS = "bars"
CONNECTIONS = "connections"
FEED = "feed"
PARTS = "parts"
EVENTS = "events"
SYMBOL_SECONDS = 120


def symbol_topic(symbol: str) -> str:
    """Return the topic of one symbol's bars, book and trades."""
    return f"symbol:{symbol}"


class Publisher:
    """Writes the newest state of one venue and tells browsers; never blocks the feed.

    ``name`` is the feed's, and ``owns`` tells which symbols are its to write.

    While one publication is under way the changed symbols collect, so a slow Redis
    conflates. After Redis was away, or came back empty before anybody noticed,
    everything is written again under a new epoch.
    """

    def __init__(
        self,
        redis: "AsyncRedis",
        venue: str,
        run: str,
        state: MarketState,
        *,
        name: str = "feed",
        owns: Callable[[str], bool] = lambda symbol: True,
    ) -> None:
        self._redis = redis
        self._venue = venue
        self._run = run
        self._state = state
        self._name = name
        self._owns = owns
        self._newest = NewestPublisher(redis, run)
        self._changed: set[str] = set()
        self._sent: dict[tuple[str, str], int] = {}
        self._job: asyncio.Task[None] | None = None
        self._lost = 0
        self._whole = True
        self.watched: set[str] = set()
        self.published = 0
        self._number = 0

    @property
    def epoch(self) -> str:
        """The name of this run as browsers see it."""
        return self._newest.epoch

    @property
    def available(self) -> bool:
        """True while Redis takes what we write."""
        return not self._whole

    def newest_time(self) -> int:
        """Return the newest time the exchange has told, ms; 0 before any data."""
        records = self._state.records.values()
        return max((record.time for record in records), default=0)

    def newest_arrival(self) -> int:
        """Return when the newest value arrived here, ms; 0 before any data."""
        records = self._state.records.values()
        return max((record.received_ms for record in records), default=0)

    def offer(self, changed: Iterable[str]) -> None:
        """Publish these symbols as soon as the publication before is done.

        To be called at every tick, changes or not: what waits goes out then.
        """
        self._changed.update(changed)
        wanted = self._changed or self._whole
        if wanted and (self._job is None or self._job.done()):
            self._job = asyncio.create_task(self._publish())

    async def _publish(self) -> None:
        changed, self._changed = self._changed, set()
        try:
            await self._write(changed)
        except core_redis.UNAVAILABLE as error:
            self._changed |= changed
            self._lose(error)

    def _lose(self, error: object) -> None:
        if not self._whole:
            log.error("Redis is away, pages get no news; sockets go on: %s", error)
        self._whole = True
        self._sent.clear()

    async def _write(self, changed: set[str]) -> None:
        # Readers must not see a table between its deletion and its writing.
        pipeline = self._redis.pipeline(transaction=self._whole)
        if self._whole:
            changed = set(self._state.symbols())
            await self._stage_beginning(pipeline, changed)
        quotes = [
            (symbol, wire.encode(item))
            for symbol in changed
            if self._owns(symbol)
            and (item := self._state.quote_item(symbol)) is not None
        ]
        snapshot.stage(pipeline, self._venue, QUOTES, quotes)
        if quotes:
            self._newest.stage(pipeline, QUOTES, quotes)
        for symbol in changed & self.watched:
            if self._owns(symbol):
                self._stage_symbol(pipeline, symbol)
        snapshot.stage_read_one(pipeline, self._venue, META, self._name)
        *_, meta = await pipeline.execute()
        self._whole = False
        self.published += 1
        self._check(meta)

    async def _stage_beginning(self, pipeline: Any, known: set[str]) -> None:
        """Begin an epoch; what an earlier run left of our symbols goes."""
        self._lost += 1
        epoch = f"{self._run}-{self._lost}"
        self._newest = NewestPublisher(self._redis, epoch)
        meta = wire.encode({"epoch": epoch})
        snapshot.stage(pipeline, self._venue, META, [(self._name, meta)])
        there = await snapshot.names(self._redis, self._venue, QUOTES)
        old = [symbol for symbol in there - known if self._owns(symbol)]
        snapshot.stage_remove(pipeline, self._venue, QUOTES, old)

    def _check(self, meta: bytes | None) -> None:
        """Notice a server that was restarted: it is reached again without an error."""
        if meta is None:
            self._lose("it was restarted and is empty")

    async def finish(self) -> None:
        """Wait for the publication under way; nothing is published afterwards."""
        if self._job is not None:
            await self._job

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
        # By the clock: another feed may have led, and numbered, in between.
        self._number = max(self._number + 1, time.time_ns() // 1_000_000)
        encoded = [
            (name, wire.encode({"k": name, "n": self._number, **item}))
            for name, item in items
        ]
        try:
            pipeline = self._redis.pipeline(transaction=True)
            snapshot.stage_replace(pipeline, self._venue, topic, encoded)
            self._newest.stage(pipeline, topic, encoded)
            snapshot.stage_read_one(pipeline, self._venue, META, self._name)
            *_, meta = await pipeline.execute()
            self._check(meta)
        except core_redis.UNAVAILABLE as error:
            self._lose(error)

    async def part(self, part: Any) -> None:
        """Write what this feed tells of itself, for the one that leads."""
        await self._try(snapshot.stage, PARTS, [(self._name, wire.encode(part))])

    async def no_part(self) -> None:
        """Take back what this feed told of itself."""
        await self._try(snapshot.stage_remove, PARTS, [self._name])

    async def parts(self) -> dict[str, Any]:
        """Return what the feeds tell of themselves, by name; empty without Redis."""
        try:
            found = await snapshot.read_async(self._redis, self._venue, PARTS)
        except core_redis.UNAVAILABLE as error:
            self._lose(error)
            return {}
        return {name: wire.decode(raw) for name, raw in found.items()}

    async def last_trades(self, symbol: str) -> list[tuple[int, int]]:
        """Return (id, time in ms) of the last trades that any feed told of, by id."""
        try:
            found = await snapshot.read_async(
                self._redis, self._venue, symbol_topic(symbol)
            )
        except core_redis.UNAVAILABLE as error:
            self._lose(error)
            return []
        if "trades" not in found:
            return []
        return [
            (number, time) for number, time, *_ in wire.decode(found["trades"])["items"]
        ]

    async def forget_symbol(self, symbol: str) -> None:
        """Nobody looks at a symbol: what was written of it grows old."""
        topic = symbol_topic(symbol)
        await self._try(snapshot.stage_replace, topic, [])

    async def _try(self, stage: Callable[..., None], table: str, what: Any) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        stage(pipeline, self._venue, table, what)
        try:
            await pipeline.execute()
        except core_redis.UNAVAILABLE as error:
            self._lose(error)

    async def bars(self) -> None:
        """Write the unfinished bar of every series for REST and other processes."""
        items = [
            (f"{symbol}:{interval}", wire.encode(bar))
            for symbol, interval, bar in self._state.live_bars()
            if self._owns(symbol)
        ]
        await self._try(snapshot.stage, BARS, items)

    async def events(self, items: list[tuple[str, Any]]) -> None:
        """Hand on events, each once."""
        try:
            await events_publish(self._redis, items)
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


async def events_publish(redis: "AsyncRedis", items: list[tuple[str, Any]]) -> None:
    """Hand on events, each once, to browsers; raises ``core.redis.UNAVAILABLE``."""
    encoded = [(name, wire.encode(item)) for name, item in items]
    # A fresh server counts from 1 again and needs an epoch never used before.
    await queue_publish(redis, EVENTS, encoded, uuid.uuid4().hex[:12])
