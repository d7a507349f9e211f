"""The feed: sockets → state → database, other processes and browsers.

One event loop, several rhythms: the tick (5–10 Hz) decodes and publishes; twice a
second the connections are reported; the writer stores closed bars and events; every
few seconds missing bars are fetched and the operator's wishes are looked up.
"""

import asyncio
import contextlib
import gc
import logging
import uuid

from channels.db import database_sync_to_async

from core import memory
from core import redis as core_redis
from core.cancellation import checkpoint
from core.clock import Clock, SystemClock
from core.leases import Leases, Member
from market import connection_alerts
from market.address_hold import AddressHold
from market.binance.config import WsSettings
from market.binance.rest import BinanceRestClient, RestError
from market.binance.urls import endpoints
from market.books import Books
from market.budget import SharedWeightBudget
from market.config import MarketSettings
from market.domain.state import MarketState
from market.follower import Follower
from market.ingest import Ingest
from market.operator import Operator
from market.publisher import Publisher
from market.reporter import Reporter
from market.rhythm import FIRST_RETRY_SECONDS, RETRY_SECONDS, Job, every, only_if
from market.shares import BEAT_SECONDS, FIRST, LEASE_SECONDS, SHARES, Shares, job
from market.upkeep import Upkeep
from market.writer import Writer

log = logging.getLogger(__name__)

STATUS_SECONDS = 0.5
BACKFILL_SECONDS = 5.0
TRADES_SECONDS = 2.0
AUDIT_SECONDS = 30.0
CONTROL_SECONDS = 2.0
MINUTE = 60.0
COLLECT_SECONDS = 15.0
WRITE_SECONDS = 1.0
PATTERN_SECONDS = 3_600.0
PRUNE_SECONDS = 3_600.0


class Feed:
    """Follows its part of one venue until cancelled; ``run`` once per process."""

    def __init__(
        self,
        *,
        venue: str,
        ws: WsSettings,
        market: MarketSettings,
        name: str = FIRST,
        clock: Clock | None = None,
    ) -> None:
        run = uuid.uuid4().hex[:12]
        self._venue = venue
        self._market = market
        self._clock = clock or SystemClock()
        self._redis = core_redis.client()
        self._lag_ms = 0.0
        self._moved = asyncio.Event()
        self._admitted = asyncio.Event()
        self._ready = asyncio.Event()
        self._never = asyncio.Event()
        self._following = asyncio.Lock()
        self.state = MarketState()
        self.shares = self._share(Member.here(name, run))
        self.publisher = Publisher(
            self._redis, venue, run, self.state, name=name, owns=self.shares.owns
        )
        self.writer = Writer(venue, self.publisher)
        self._reach_the_exchange(ws)
        self._keep_what_comes()
        self._serve_others()

    # -- parts ------------------------------------------------------------------

    def _share(self, member: Member) -> Shares:
        leases = Leases(
            self._redis,
            job(self._venue),
            member,
            count=SHARES,
            seconds=LEASE_SECONDS,
        )
        return Shares(leases, self._clock)

    def _reach_the_exchange(self, ws: WsSettings) -> None:
        """Make what asks, what follows and what takes frames."""
        market = self._market
        where = endpoints(self._venue, market.simulator_url)
        simulated = self._venue == "simulator"
        ca_file = ws.ca_file or (market.simulator_ca if simulated else "")
        address = AddressHold(self._redis, self._venue, clock=self._clock)
        self.budget = SharedWeightBudget(address, self._venue)
        self.rest = BinanceRestClient(
            where, ca_file=ca_file, clock=self._clock, budget=self.budget
        )
        self.ingest = Ingest(
            self.state,
            limit=ws.queue_frames,
            pause=lambda: self.follower.pause(),
            resume=lambda: self.follower.resume(),
            diffs=lambda diff, received_ms: self.books.take(diff, received_ms),
        )
        self.follower = Follower(
            venue=self._venue,
            where=where,
            ws=ws.model_copy(update={"ca_file": ca_file}),
            market=market,
            rest=self.rest,
            redis=self._redis,
            shares=self.shares,
            address=address,
            clock=self._clock,
            deliver=self.ingest.receive,
            report=lambda event: self.upkeep.hear(event),
        )

    def _keep_what_comes(self) -> None:
        """Make what keeps history whole and books true."""
        self.upkeep = Upkeep(
            venue=self._venue,
            clock=self._clock,
            market=self._market,
            rest=self.rest,
            state=self.state,
            publisher=self.publisher,
            writer=self.writer,
            now_ms=self._exchange_now,
        )
        self.books = Books(
            self.rest,
            self.state,
            clock=self._clock,
            wanted=lambda: self.follower.kept_books,
            tell=self.upkeep.tell,
        )

    def _serve_others(self) -> None:
        """Make what obeys people and what tells how it goes."""
        self.operator = Operator(
            venue=self._venue,
            clock=self._clock,
            follower=self.follower,
            shares=self.shares,
            publisher=self.publisher,
            state=self.state,
            tell=self.upkeep.tell,
            status=self._tell_status,
        )
        self.reporter = Reporter(
            venue=self._venue,
            clock=self._clock,
            follower=self.follower,
            shares=self.shares,
            ingest=self.ingest,
            books=self.books,
            writer=self.writer,
            backfill=self.upkeep.backfill,
            audit=self.upkeep.audit,
            publisher=self.publisher,
        )

    # -- life -------------------------------------------------------------------

    async def run(self) -> None:
        """Run until cancelled; then close the sockets and store what is left."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hold_forever())
                await self._prepare()
                group.create_task(self._tick_forever())
                group.create_task(self.operator.listen())
                group.create_task(self.books.run())
                for seconds, job, asked in self._rhythms():
                    group.create_task(every(seconds, job, asked))
        finally:
            await self._end()

    async def _end(self) -> None:
        alone = self.shares.alone
        try:
            if not alone:
                await self._leave()
            await self.operator.stop("the feed process ends")
            self._collect()
            await self.writer.flush()
            if alone:
                await self._tell_status()
                await self._leave()
        finally:
            await self._close()

    async def _close(self) -> None:
        await self.publisher.finish()
        await self.rest.aclose()
        await self.budget.aclose()
        await self._redis.aclose()

    async def _leave(self) -> None:
        try:
            await self.shares.leave()
            await self.reporter.end()
        except core_redis.UNAVAILABLE as error:
            log.warning("the shares of this feed run out by themselves: %s", error)

    def _rhythms(self) -> list[tuple[float, Job, asyncio.Event]]:
        """Jobs with their period and the event that calls for one at once."""
        never, upkeep = self._never, self.upkeep

        def while_open(job: Job) -> Job:
            return only_if(lambda: self.follower.client is not None, job)

        def if_leading(job: Job) -> Job:
            return only_if(lambda: self.shares.leads, job)

        return [
            (STATUS_SECONDS, self._tell_status, never),
            (WRITE_SECONDS, self.writer.flush, self.writer.wanted),
            (BACKFILL_SECONDS, while_open(upkeep.fill_bars), never),
            (TRADES_SECONDS, while_open(upkeep.fill_trades), never),
            (AUDIT_SECONDS, while_open(upkeep.audit_some), never),
            (CONTROL_SECONDS, self.operator.obey, self.operator.called),
            (MINUTE, self._log_heartbeat, never),
            (MINUTE, self._refollow, self._moved),
            (MINUTE, self._renew_universe, never),
            (MINUTE, upkeep.store_alerts, never),
            (MINUTE, if_leading(self._feeds_alive), never),
            (COLLECT_SECONDS, self._collect_garbage, never),
            (PATTERN_SECONDS, if_leading(upkeep.find_patterns), never),
            (PRUNE_SECONDS, if_leading(upkeep.prune), never),
        ]

    async def _hold_forever(self) -> None:
        """Show the other feeds that this one lives, and take shares."""
        while True:
            ready = self._ready.is_set()
            if await self.shares.beat(ready=ready):
                self._moved.set()
            if self.shares.admitted:
                self._admitted.set()
            checkpoint()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    # One that has become ready does not wait for its next turn.
                    await (self._never if ready else self._ready).wait()

    async def _prepare(self) -> None:
        """Learn what to follow; without the exchange, follow what was known."""
        await self.operator.learn()
        await self._admitted.wait()
        retry = FIRST_RETRY_SECONDS
        while not self.follower.universe:
            found = await self._learn_universe()
            checkpoint()  # else an end ordered just then would be forgotten
            if not found:
                await asyncio.sleep(retry)
                retry = min(retry * 2, RETRY_SECONDS)
        # Not before: whoever gives shares away goes on with them for one lease only.
        self._ready.set()
        await self._moved.wait()
        await self._refollow()
        checkpoint()
        member = self.shares.member
        self.upkeep.tell(member.name, "joined", f"{member.where} follows streams")
        await self.operator.want()

    async def _learn_universe(self) -> bool:
        """Choose the symbols, or read what the feed that leads has chosen."""
        try:
            await self.rest.initialize()
            if self.shares.leads or self.shares.alone:
                await self.follower.learn()
        except RestError as error:
            log.warning("exchange not reachable over REST: %s", error)
        if not self.follower.universe:
            await self.follower.recall()
        return bool(self.follower.universe)

    async def _renew_universe(self) -> None:
        """Once a day: follow what trades most now; what is looked at stays."""
        if self.follower.client is None:
            return
        if not self.shares.leads:
            await self.follower.recall()
        elif self.follower.outdated:
            await self.follower.learn()
        await self._refollow()

    async def _refollow(self) -> None:
        """Follow this feed's part of the symbols, which may be another than before."""
        async with self._following:
            await self._follow_what_is_due()

    async def _follow_what_is_due(self) -> None:
        for left in self.shares.heirloom():
            await self.upkeep.inherit(self.shares.member, left)
        due, before = self.follower.due(), set(self.follower.symbols)
        # First what is stored, then the streams: no bar is taken for missing.
        await self.upkeep.learn([name for name in due if name not in before])
        await self.operator.resume(self.follower.wanted)
        self.upkeep.forget(before - set(due))
        self.follower.follow(due)
        self.ingest.follow(due)
        owns = self.shares.owns
        self.state.drop([name for name in self.state.symbols() if not owns(name)])

    async def _feeds_alive(self) -> None:
        """End the alerts of lost feeds that are back, if only from a standstill."""
        names = [member.name for member in self.shares.members]
        await database_sync_to_async(connection_alerts.feeds_alive)(
            venue=self._venue, feeds=names
        )

    async def _collect_garbage(self) -> None:
        """Free lost connections, which refer to themselves, before they pile up.

        The interpreter waits with that until a quarter of all objects is new.
        """
        gc.collect()
        memory.give_back()

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
            self.state.exchange_offset(self.rest.known_offset_ms)
            self.ingest.drain()
            self.books.step()
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
