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
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from core import alerts, control
from core import redis as core_redis
from core.clock import Clock, SystemClock
from market import patterns_report, selectors, services
from market.address_hold import AddressHold
from market.audit import Audit
from market.backfill import Backfill, Pair
from market.binance.config import WsSettings
from market.binance.events import ConnectionEvent
from market.binance.rest import BinanceRestClient, RestError
from market.binance.streams import Route
from market.binance.urls import endpoints
from market.budget import SharedWeightBudget
from market.config import MarketSettings
from market.domain.state import MarketState
from market.follower import Follower
from market.gaps import GapLedger
from market.ingest import Ingest
from market.publisher import Publisher
from market.reporter import Reporter
from market.trade_fill import TradeFill
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
DAY_MS = 86_400_000

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
        self._venue = venue
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
            report=self._hear,
        )
        ledger = GapLedger(venue, clock)
        self.backfill = Backfill(
            self.rest,
            self.writer.store,
            history_bars=market.history_bars,
            concurrency=market.backfill_concurrency,
            ledger=ledger,
        )
        self.trade_fill = TradeFill(
            self.rest,
            ledger,
            holes=self.state.holes,
            apply=lambda trade: self.state.apply(trade, clock.now_ms()),
            give_up=lambda hole: self.state.give_up(*hole),
        )
        self.audit = Audit(self.rest, partial(_stored_values, venue), self.writer.store)
        self.reporter = Reporter(
            venue=venue,
            clock=clock,
            follower=self.follower,
            ingest=self.ingest,
            writer=self.writer,
            backfill=self.backfill,
            audit=self.audit,
            publisher=self.publisher,
        )
        self._cause = "the feed was not running"
        self._lost_since: int | None = None
        self._desired = "running"
        self._look = asyncio.Event()
        self._lag_ms = 0.0

    # -- life -------------------------------------------------------------------

    async def run(self) -> None:
        """Run until cancelled; then close the sockets and store what is left."""
        try:
            await self._prepare()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tick_forever())
                group.create_task(self._wake_forever())
                for seconds, job, asked in self._rhythms():
                    group.create_task(self._every(seconds, job, asked))
        finally:
            await self._end()

    async def _end(self) -> None:
        try:
            await self._stop_sockets("the feed process ends")
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
            (BACKFILL_SECONDS, self._fill_gaps, never),
            (TRADES_SECONDS, self._fill_trades, never),
            (CONTROL_SECONDS, self._obey, self._look),
            (AUDIT_SECONDS, self._audit, never),
            (MINUTE, self._log_heartbeat, never),
            (MINUTE, self._renew_universe, never),
            (MINUTE, self._store_alerts, never),
            (PATTERN_SECONDS, self._find_patterns, never),
            (PRUNE_SECONDS, self._prune, never),
        ]

    async def _every(self, seconds: float, job: Job, asked: asyncio.Event) -> None:
        """Run a job again and again; what may fail for a while is tried again."""
        while True:
            asked.clear()
            try:
                await job()
            except (DatabaseError, RestError, *core_redis.UNAVAILABLE) as error:
                log.error("%s failed, trying again: %s", job.__name__, error)
                await asyncio.sleep(seconds)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await asked.wait()

    async def _prepare(self) -> None:
        """Learn what to follow; without the exchange, follow what was known."""
        self._desired = await database_sync_to_async(selectors.feed_desired)(
            venue=self._venue
        )
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
        await self._learn_history()
        await self._want_sockets()

    async def _learn_history(self) -> None:
        now = self._exchange_now()
        for interval in self._market.intervals:
            since = self.backfill.window_start(interval, now)
            known = await database_sync_to_async(selectors.open_times_since)(
                venue=self._venue, interval=interval, since=since
            )
            for symbol in self.follower.symbols:
                self.backfill.learn((symbol, interval), known.get(symbol, []), now)

    async def _renew_universe(self) -> None:
        """Once a day: follow what trades most now; what is looked at stays."""
        if not self.follower.outdated or self.follower.client is None:
            return
        gone = await self.follower.renew()
        self.ingest.follow(self.follower.symbols)
        self.backfill.forget(
            (symbol, interval) for symbol in gone for interval in self._market.intervals
        )
        await self._learn_history()

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
            self.backfill.arrived(candle)
        self.writer.candles(closed)

    async def _fill_gaps(self) -> None:
        if self.follower.client is None:
            return
        filled = await self.backfill.fill(
            self._exchange_now, self.publisher.watched, self._cause
        )
        if filled:
            self._tell_event("rest", "filled", f"{filled} bars fetched from REST")

    async def _fill_trades(self) -> None:
        if self.follower.client is None:
            return
        filled = await self.trade_fill.step(self._cause)
        if filled:
            self._tell_event("rest", "filled", f"{filled} trades fetched from REST")

    async def _audit(self) -> None:
        if self.follower.client is None:
            return
        repaired = await self.audit.step(self.backfill.pairs, self._exchange_now())
        if repaired:
            self._tell_event("rest", "repaired", f"{repaired} wrong bars replaced")

    async def _store_alerts(self) -> None:
        """Store alerts that waited for the database, of whichever process."""
        await database_sync_to_async(alerts.alerts_store_waiting)()

    async def _find_patterns(self) -> None:
        await database_sync_to_async(patterns_report.tell)(
            venue=self._venue, clock=self._clock, days=self._market.event_days
        )

    async def _prune(self) -> None:
        before = self._clock.now_ms() - self._market.event_days * DAY_MS
        await database_sync_to_async(services.connection_events_prune)(
            venue=self._venue, before_ms=before
        )

    # -- control ----------------------------------------------------------------

    async def _wake_forever(self) -> None:
        """Hear the wake-ups; while Redis is away the table alone is looked at."""
        worker = services.worker_name(self._venue)
        while True:
            try:
                await control.receive(worker)
                self._look.set()
            except core_redis.UNAVAILABLE as error:
                log.warning("no wake-ups: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _obey(self) -> None:
        """Carry out waiting commands and follow what somebody looks at."""
        watched = await self.publisher.watch(
            self._clock.now_ms(), services.interest_key(self._venue)
        )
        for symbol in self.follower.watch(watched):
            self.state.unwatch(symbol)
        commands = await database_sync_to_async(selectors.feed_commands_waiting)(
            venue=self._venue
        )
        for command in commands:
            result = await self._carry_out(command.kind, command.target)
            await database_sync_to_async(services.feed_command_acknowledge)(
                command_id=command.id, result=result
            )
            log.info("%s of %s: %s", command.kind, command.requested_by, result)
        await self._want_sockets()
        if commands:
            await self._tell_status()

    async def _carry_out(self, kind: str, target: str) -> str:
        client = self.follower.client
        if kind == "reconnect":
            if client is None:
                return "the feed is stopped"
            if target not in client.connections:
                return f"there is no connection {target!r}"
            client.reconnect(target)
            return "reconnecting"
        self._desired = await database_sync_to_async(selectors.feed_desired)(
            venue=self._venue
        )
        if self._desired == "running":
            await self._want_sockets()
            return "started" if self.follower.client is not None else "not yet possible"
        await self._stop_sockets("stopped by the operator")
        return "stopped"

    async def _want_sockets(self) -> None:
        """Open the sockets if they are wanted and not open."""
        if self._desired != "running" or self.follower.client is not None:
            return
        try:
            await self.follower.start()
        except OSError as error:
            log.error("sockets cannot start, trying again: %s", error)

    async def _stop_sockets(self, reason: str) -> None:
        for row in await self.follower.stop():
            self._tell_event(row["id"], "stopped", reason, row["route"])

    # -- telling ----------------------------------------------------------------

    def _hear(self, event: ConnectionEvent) -> None:
        """Take an event; the first loss of bars is the cause of the gaps after it.

        The failed dials that follow a loss are its consequence.
        """
        if event.route == Route.MARKET:
            if event.kind == "connected":
                self._lost_since = None
            elif event.kind in ("disconnected", "silent") and self._lost_since is None:
                self._lost_since = event.at
                self._cause = f"{event.connection}: {event.reason}"
        self.writer.event(event)

    def _tell_event(
        self, connection: str, kind: str, reason: str, route: str = "market"
    ) -> None:
        self.writer.event(
            ConnectionEvent(
                at=self._clock.now_ms(),
                connection=connection,
                route=route,
                kind=kind,
                reason=reason,
            )
        )

    async def _tell_status(self) -> None:
        await self.reporter.tell(self._desired, round(self._lag_ms, 2))

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


async def _stored_values(
    venue: str, pair: Pair, since: int
) -> dict[int, tuple[float, ...]]:
    found: dict[int, tuple[float, ...]] = await database_sync_to_async(
        selectors.bar_values
    )(venue=venue, symbol=pair[0], interval=pair[1], since=since)
    return found
