"""The feed: sockets → state → database, other processes and browsers.

One event loop, several rhythms: the tick (5–10 Hz) decodes and publishes; once a
second the connections are reported; the writer stores closed bars and events; every
few seconds missing bars are fetched and the operator's wishes are looked up.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from django.db import Error as DatabaseError

from core import redis as core_redis
from core.cancellation import checkpoint
from core.clock import Clock, SystemClock
from market.address_hold import AddressHold
from market.binance.config import WsSettings
from market.binance.rest import BinanceRestClient, RestError
from market.binance.urls import endpoints
from market.budget import SharedWeightBudget
from market.config import MarketSettings
from market.domain.state import MarketState
from market.follower import Follower
from market.ingest import Ingest
from market.operator import Operator
from market.publisher import Publisher
from market.reporter import Reporter
from market.upkeep import Upkeep
from market.writer import Writer

log = logging.getLogger(__name__)

STATUS_SECONDS = 1.0
BACKFILL_SECONDS = 5.0
TRADES_SECONDS = 2.0
AUDIT_SECONDS = 30.0
CONTROL_SECONDS = 2.0
MINUTE = 60.0
WRITE_SECONDS = 1.0
FIRST_RETRY_SECONDS = 0.25
RETRY_SECONDS = 5.0
PATTERN_SECONDS = 3_600.0
PRUNE_SECONDS = 3_600.0

Job = Callable[[], Coroutine[Any, Any, None]]


class Feed:
    """Follows one venue until cancelled; ``run`` once per process."""

    def __init__(
        self,
        *,
        venue: str,
        ws: WsSettings,
        market: MarketSettings,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        where = endpoints(venue, market.simulator_url)
        ca_file = ws.ca_file or (market.simulator_ca if venue == "simulator" else "")
        self._market = market
        self._clock = clock
        self._redis = core_redis.client()
        self.state = MarketState()
        self.publisher = Publisher(
            self._redis, venue, uuid.uuid4().hex[:12], self.state
        )
        self.writer = Writer(venue, self.publisher)
        address = AddressHold(self._redis, venue, clock=clock)
        self.budget = SharedWeightBudget(address, venue)
        self.rest = BinanceRestClient(
            where, ca_file=ca_file, clock=clock, budget=self.budget
        )
        self.ingest = Ingest(
            self.state,
            limit=ws.queue_frames,
            pause=lambda: self.follower.pause(),
            resume=lambda: self.follower.resume(),
        )
        self.follower = Follower(
            venue=venue,
            where=where,
            ws=ws.model_copy(update={"ca_file": ca_file}),
            market=market,
            rest=self.rest,
            redis=self._redis,
            address=address,
            clock=clock,
            deliver=self.ingest.receive,
            report=lambda event: self.upkeep.hear(event),
        )
        self.upkeep = Upkeep(
            venue=venue,
            clock=clock,
            market=market,
            rest=self.rest,
            state=self.state,
            publisher=self.publisher,
            writer=self.writer,
            now_ms=self._exchange_now,
        )
        self.operator = Operator(
            venue=venue,
            clock=clock,
            follower=self.follower,
            publisher=self.publisher,
            state=self.state,
            tell=self.upkeep.tell,
            status=self._tell_status,
        )
        self.reporter = Reporter(
            venue=venue,
            clock=clock,
            follower=self.follower,
            ingest=self.ingest,
            writer=self.writer,
            backfill=self.upkeep.backfill,
            audit=self.upkeep.audit,
            publisher=self.publisher,
        )
        self._lag_ms = 0.0

    # -- life -------------------------------------------------------------------

    async def run(self) -> None:
        """Run until cancelled; then close the sockets and store what is left."""
        try:
            await self._prepare()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tick_forever())
                group.create_task(self.operator.listen())
                for seconds, job, asked in self._rhythms():
                    group.create_task(self._every(seconds, job, asked))
        finally:
            await self._end()

    async def _end(self) -> None:
        try:
            await self.operator.stop("the feed process ends")
            self._collect()
            await self.writer.flush()
            await self._tell_status()
        finally:
            await self.publisher.finish()
            await self.rest.aclose()
            await self.budget.aclose()
            await self._redis.aclose()

    def _rhythms(self) -> list[tuple[float, Job, asyncio.Event]]:
        """Jobs with their period and the event that calls for one at once."""
        never = asyncio.Event()
        return [
            (STATUS_SECONDS, self._tell_status, never),
            (WRITE_SECONDS, self.writer.flush, self.writer.wanted),
            (BACKFILL_SECONDS, self._while_open(self.upkeep.fill_bars), never),
            (TRADES_SECONDS, self._while_open(self.upkeep.fill_trades), never),
            (AUDIT_SECONDS, self._while_open(self.upkeep.audit_some), never),
            (CONTROL_SECONDS, self.operator.obey, self.operator.called),
            (MINUTE, self._log_heartbeat, never),
            (MINUTE, self._renew_universe, never),
            (MINUTE, self.upkeep.store_alerts, never),
            (PATTERN_SECONDS, self.upkeep.find_patterns, never),
            (PRUNE_SECONDS, self.upkeep.prune, never),
        ]

    def _while_open(self, job: Job) -> Job:
        """Do the job only while the sockets are open."""

        @wraps(job)
        async def guarded() -> None:
            if self.follower.client is not None:
                await job()

        return guarded

    async def _every(self, seconds: float, job: Job, asked: asyncio.Event) -> None:
        """Run a job again and again; what may fail for a while is tried again."""
        while True:
            asked.clear()
            done = await self._attempt(job)
            checkpoint()
            if not done:
                await asyncio.sleep(seconds)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await asked.wait()

    async def _attempt(self, job: Job) -> bool:
        """Do a job and return whether it went well."""
        try:
            await job()
        except (DatabaseError, RestError, *core_redis.UNAVAILABLE) as error:
            log.error("%s failed, trying again: %s", job.__name__, error)
            return False
        return True

    async def _prepare(self) -> None:
        """Learn what to follow; without the exchange, follow what was known."""
        await self.operator.learn()
        retry = FIRST_RETRY_SECONDS
        while not self.follower.symbols:
            try:
                await self.rest.initialize()
                await self.follower.learn()
            except RestError as error:
                log.warning("exchange not reachable over REST: %s", error)
                await self.follower.recall()
                if not self.follower.symbols:
                    await asyncio.sleep(retry)
                    retry = min(retry * 2, RETRY_SECONDS)
        self.ingest.follow(self.follower.symbols)
        await self.upkeep.learn(self.follower.symbols)
        await self.operator.want()

    async def _renew_universe(self) -> None:
        """Once a day: follow what trades most now; what is looked at stays."""
        if not self.follower.outdated or self.follower.client is None:
            return
        gone = await self.follower.renew()
        self.ingest.follow(self.follower.symbols)
        self.upkeep.forget(gone)
        await self.upkeep.learn(self.follower.symbols)

    def _exchange_now(self) -> int:
        """The exchange's time: what it last said, else our clock plus the offset."""
        return self.publisher.newest_time() or self.rest.server_now_ms()

    # -- tick -------------------------------------------------------------------

    async def _tick_forever(self) -> None:
        """Decode and publish at a steady rate; late ticks are not made up for."""
        period = 1.0 / self._market.push_hz
        due = self._clock.monotonic()
        while True:
            now = self._clock.monotonic()
            self._lag_ms = max(0.0, (now - due) * 1000)
            self.ingest.drain()
            self._collect()
            self.publisher.offer(self.state.drain_changes())
            due = max(due + period, now)
            await asyncio.sleep(max(0.0, due - self._clock.monotonic()))

    def _collect(self) -> None:
        closed = self.state.drain_closed()
        for candle in closed:
            self.upkeep.backfill.arrived(candle)
        self.writer.candles(closed)

    # -- telling ----------------------------------------------------------------

    async def _tell_status(self) -> None:
        await self.reporter.tell(self.operator.desired, round(self._lag_ms, 2))

    async def _log_heartbeat(self) -> None:
        totals = self.follower.statistics()["totals"]
        log.info(
            "💓 feed: %s of %s streams live, %s silent, %s frames/s, %d bars stored",
            totals.get("streams_live", 0),
            totals.get("streams_expected", 0),
            totals.get("streams_silent", 0),
            totals.get("messages_per_second", 0),
            self.writer.stored,
        )
