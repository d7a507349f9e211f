"""The feed: sockets → state → database, other processes and browsers.

One event loop, four rhythms: the tick (5–10 Hz) decodes and publishes, a second-long
one tells the state of the connections, the writer stores closed bars and events, and
every few seconds missing bars are fetched and the operator's wishes are looked up.
"""

import asyncio
import contextlib
import logging
import os
import uuid
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from core import control
from core import redis as core_redis
from core.clock import Clock, SystemClock
from market import selectors, services
from market.backfill import Backfill
from market.binance.client import BinanceWebSocketClient
from market.binance.config import WsSettings
from market.binance.connection import ConnectionEvent
from market.binance.dial import DialBucket
from market.binance.plan import default_streams
from market.binance.rest import BinanceRestClient, RestError
from market.binance.rest_schemas import (
    BadBody,
    parse_day_tickers,
    parse_exchange_info,
)
from market.binance.streams import (
    StreamKind,
    agg_trade_stream,
    partial_depth_stream,
)
from market.binance.urls import endpoints
from market.config import MarketSettings
from market.dials import SharedDialBucket
from market.domain.state import MarketState
from market.domain.types import Candle
from market.ingest import Ingest
from market.publisher import Publisher
from market.universe import choose, tradable

log = logging.getLogger(__name__)

STATUS_SECONDS = 1.0
MANY_CONNECTIONS = 20
BACKFILL_SECONDS = 5.0
CONTROL_SECONDS = 3.0
HEARTBEAT_SECONDS = 60.0
WRITE_SECONDS = 0.5
FIRST_RETRY_SECONDS = 0.25
RETRY_SECONDS = 5.0
UNIVERSE_SECONDS = 86_400.0
PRUNE_SECONDS = 3_600.0
EVENT_QUEUE = 10_000
BEAT_SECONDS = 15

Body = TypeVar("Body")
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
        self._venue = venue
        self._ws = ws
        self._market = market
        self._clock = clock or SystemClock()
        self._where = endpoints(venue, market.simulator_url)
        ca_file = ws.ca_file or (market.simulator_ca if venue == "simulator" else "")
        self._ws = ws.model_copy(update={"ca_file": ca_file})
        self._redis = core_redis.client()
        self._run_id = uuid.uuid4().hex[:12]
        self.state = MarketState()
        self.ingest = Ingest(
            self.state,
            limit=ws.queue_frames,
            pause=self._pause_reading,
            resume=self._resume_reading,
        )
        self.publisher = Publisher(self._redis, venue, self._run_id, self.state)
        self.rest = BinanceRestClient(self._where, ca_file=ca_file, clock=self._clock)
        self._store = services.CandleStore(venue)
        self.backfill = Backfill(
            self.rest,
            self._store_candles,
            history_bars=market.history_bars,
            concurrency=market.backfill_concurrency,
        )
        self._client: BinanceWebSocketClient | None = None
        self._symbols: list[str] = []
        self._learned_at: float | None = None
        self._desired = "running"
        self._started_at = self._clock.now_ms()
        self._closed: deque[Candle] = deque()
        self._events: deque[ConnectionEvent] = deque(maxlen=EVENT_QUEUE)
        self._write_wanted = asyncio.Event()
        self._look = asyncio.Event()
        self._stored = 0
        self._lag_ms = 0.0
        self._seen_frames = (self._clock.monotonic(), 0)

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
            await self._stop_sockets()
            self._collect()
            await self._write()
            await self.rest.aclose()
            await self._redis.aclose()

    def _rhythms(self) -> list[tuple[float, Job, asyncio.Event]]:
        """Jobs with their period and the event that calls for one at once."""
        never = asyncio.Event()
        return [
            (STATUS_SECONDS, self._tell_status, never),
            (WRITE_SECONDS, self._write, self._write_wanted),
            (BACKFILL_SECONDS, self._fill_gaps, never),
            (CONTROL_SECONDS, self._obey, self._look),
            (HEARTBEAT_SECONDS, self._log_heartbeat, never),
            (HEARTBEAT_SECONDS, self._renew_universe, never),
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
        while not self._symbols:
            try:
                await self.rest.initialize()
                await self._learn_universe()
            except RestError as error:
                log.error("exchange not reachable over REST: %s", error)
                stored = await database_sync_to_async(selectors.instruments)(
                    venue=self._venue
                )
                self._symbols = [row.symbol for row in stored][: self._market.symbols]
                if not self._symbols:
                    await asyncio.sleep(retry)
                    retry = min(retry * 2, RETRY_SECONDS)
        self.ingest.follow(self._symbols)
        await self._learn_history()
        await self._want_sockets()

    async def _learn_universe(self) -> None:
        info = _understood(
            parse_exchange_info(
                await self.rest.get_raw("/fapi/v1/exchangeInfo", weight=1)
            )
        )
        days = _understood(
            parse_day_tickers(
                await self.rest.get_raw("/fapi/v1/ticker/24hr", weight=40)
            )
        )
        for limit in info.rate_limits:
            if limit.kind == "REQUEST_WEIGHT" and limit.interval_seconds == 60:
                self.rest.weight_limit = limit.limit
        volumes = {ticker.symbol: ticker.quote_volume for ticker in days}
        kept = await self.publisher.watch(self._clock.now_ms(), self._interest_key)
        self._learned_at = self._clock.monotonic()
        self._symbols = choose(info.instruments, volumes, self._market, kept=kept)
        ranks = {name: rank for rank, name in enumerate(self._symbols, 1)}
        known = tradable(info.instruments)
        await database_sync_to_async(services.instruments_store)(
            venue=self._venue, instruments=known.values(), ranks=ranks
        )

    @property
    def _interest_key(self) -> str:
        return services.interest_key(self._venue)

    async def _learn_history(self) -> None:
        now = self._exchange_now()
        for interval in self._market.intervals:
            since = self.backfill.window_start(interval, now)
            known = await database_sync_to_async(selectors.open_times_since)(
                venue=self._venue, interval=interval, since=since
            )
            for symbol in self._symbols:
                self.backfill.learn((symbol, interval), known.get(symbol, []), now)

    async def _renew_universe(self) -> None:
        """Once a day: follow what trades most now; what is looked at stays."""
        now = self._clock.monotonic()
        learned = self._learned_at
        if self._client is None or (
            learned is not None and now - learned < UNIVERSE_SECONDS
        ):
            return
        before = list(self._symbols)
        await self._learn_universe()
        self.ingest.follow(self._symbols)
        old = set(default_streams(before, self._market.intervals))
        new = default_streams(self._symbols, self._market.intervals)
        self._client.unsubscribe(old - set(new))
        self._client.subscribe(name for name in new if name not in old)
        self.backfill.forget(
            (symbol, interval)
            for symbol in set(before) - set(self._symbols)
            for interval in self._market.intervals
        )
        await self._learn_history()

    def _exchange_now(self) -> int:
        """The exchange's time: what it last said, else our clock plus the offset."""
        return self._newest_time() or self.rest.server_now_ms()

    def _newest_time(self) -> int:
        return max((record.time for record in self.state.records.values()), default=0)

    # -- sockets ----------------------------------------------------------------

    async def _want_sockets(self) -> None:
        """Open the sockets if they are wanted and not open."""
        if self._desired == "running" and self._client is None:
            try:
                await self._start_sockets()
            except OSError as error:
                log.error("sockets cannot start, trying again: %s", error)

    async def _start_sockets(self) -> None:
        if self._client is not None:
            return
        budget = SharedDialBucket(
            self._redis,
            self._venue,
            limit=self._ws.dials_per_window,
            window_seconds=self._ws.dial_window,
            clock=self._clock,
            fallback=DialBucket(
                self._ws.dials_per_window, self._ws.dial_window, self._clock
            ),
        )
        self._client = BinanceWebSocketClient(
            default_streams(self._symbols, self._market.intervals),
            venue=self._venue,
            config=self._ws,
            where=self._where,
            deliver=self._deliver,
            report=self._events.append,
            budget=budget,
            clock=self._clock,
        )
        self._client.subscribe(self._watch_streams(self.publisher.watched))
        await self._client.start_websocket()

    async def _stop_sockets(self) -> None:
        if self._client is None:
            return
        client, self._client = self._client, None
        for row in client.get_connection_stats()["connections"]:
            self._events.append(
                ConnectionEvent(
                    at=self._clock.now_ms(),
                    connection=row["id"],
                    route=row["route"],
                    kind="stopped",
                    reason="the feed was stopped",
                )
            )
        await client.stop_websocket()

    def _deliver(
        self, name: bytes, kind: StreamKind, raw: bytes, received_ms: int
    ) -> None:
        self.ingest.receive(name, kind, raw, received_ms)

    def _pause_reading(self) -> None:
        if self._client is not None:
            self._client.pause_reading()

    def _resume_reading(self) -> None:
        if self._client is not None:
            self._client.resume_reading()

    @staticmethod
    def _watch_streams(symbols: set[str]) -> list[str]:
        return [
            name
            for symbol in sorted(symbols)
            for name in (
                partial_depth_stream(symbol, levels=20, speed="500ms"),
                agg_trade_stream(symbol),
            )
        ]

    async def _follow_interest(self) -> None:
        before = self.publisher.watched
        watched = await self.publisher.watch(self._clock.now_ms(), self._interest_key)
        if self._client is None or watched == before:
            return
        self._client.subscribe(self._watch_streams(watched - before))
        self._client.unsubscribe(self._watch_streams(before - watched))
        self.publisher.offer(watched)

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
            changed = self.state.drain_changes()
            if changed:
                self.publisher.offer(changed)
            due = max(due + period, now)
            await asyncio.sleep(max(0.0, due - self._clock.monotonic()))

    def _collect(self) -> None:
        """Take closed bars from the state and log them."""
        for candle in self.state.drain_closed():
            self.backfill.arrived(candle)
            self._closed.append(candle)
            log.info(
                "📊 %s %s K线更新: close=%s",
                candle.symbol.lower(),
                candle.interval,
                candle.close,
            )
        if self._closed:
            self._write_wanted.set()

    # -- writing ----------------------------------------------------------------

    async def _write(self) -> None:
        """Store closed bars and events; what cannot be stored now stays for later."""
        if self._closed:
            candles = list(self._closed)
            await self._store_candles(candles)
            for _ in candles:
                self._closed.popleft()
        if self._events:
            events = list(self._events)
            numbers = await database_sync_to_async(services.connection_events_store)(
                venue=self._venue, events=events
            )
            for _ in events:
                self._events.popleft()
            await self.publisher.events(
                [
                    (str(number), {"id": number, **event.as_dict()})
                    for number, event in zip(numbers, events, strict=True)
                ]
            )

    async def _store_candles(self, candles: Any) -> int:
        count: int = await database_sync_to_async(self._store.store)(candles)
        self._stored += count
        return count

    async def _fill_gaps(self) -> None:
        if self._client is None:
            return
        watched = set(self.publisher.watched)
        filled = await self.backfill.fill(self._exchange_now, watched)
        if filled:
            self._events.append(
                ConnectionEvent(
                    at=self._clock.now_ms(),
                    connection="rest",
                    route="market",
                    kind="filled",
                    reason=f"{filled} bars fetched from REST history",
                )
            )

    async def _prune(self) -> None:
        days = self._market.event_days
        await database_sync_to_async(services.connection_events_prune)(
            venue=self._venue, before_ms=self._clock.now_ms() - days * 86_400_000
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
        await self._follow_interest()
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
        if kind == "reconnect":
            if self._client is None:
                return "the feed is stopped"
            try:
                self._client.reconnect(target)
            except KeyError:
                return f"there is no connection {target!r}"
            return "reconnecting"
        self._desired = await database_sync_to_async(selectors.feed_desired)(
            venue=self._venue
        )
        if self._desired == "running":
            await self._start_sockets()
            return "started"
        await self._stop_sockets()
        return "stopped"

    # -- telling ----------------------------------------------------------------

    def connection_statistics(self) -> dict[str, Any]:
        """Return what pages and REST show; empty while the feed is stopped."""
        if self._client is None:
            return {"connections": [], "totals": {}, "reconnect_statistics": {}}
        return self._client.get_connection_stats()

    async def _tell_status(self) -> None:
        statistics = self.connection_statistics()
        rows = statistics["connections"]
        now = self._clock.now_ms()
        items = [(row["id"], row) for row in rows]
        items.append(("totals", {**statistics["totals"], "at": now}))
        items.append(("reconnect_statistics", statistics["reconnect_statistics"]))
        many = len(rows) > MANY_CONNECTIONS
        if not many or int(now / 1000) % 5 == 0:
            await self.publisher.status("connections", items)
        await self.publisher.status("feed", [("feed", await self._feed_item(now))])
        await self.publisher.bars()

    async def _feed_item(self, now: int) -> dict[str, Any]:
        at, frames = self._seen_frames
        elapsed = max(0.001, self._clock.monotonic() - at)
        rate = (self.ingest.frames - frames) / elapsed
        self._seen_frames = (self._clock.monotonic(), self.ingest.frames)
        commands = await database_sync_to_async(selectors.feed_commands_recent)(
            venue=self._venue
        )
        return {
            "at": now,
            "state": "running" if self._client is not None else "stopped",
            "desired": self._desired,
            "pid": os.getpid(),
            "started_at": self._started_at,
            "frames": self.ingest.frames,
            "frames_per_second": round(rate, 1),
            "lag_ms": round(self._lag_ms, 2),
            "waiting": self.ingest.waiting,
            "dropped": 0,
            "conflated": self.ingest.conflated,
            "decode_errors": sum(self.ingest.failures.values()),
            "candles_stored": self._stored,
            "bars_filled": self.backfill.filled,
            "history": {"planned": self.backfill.planned, "done": self.backfill.done},
            "symbols": len(self._symbols),
            "exchange_time": self._newest_time(),
            "commands": commands,
        }

    async def _log_heartbeat(self) -> None:
        totals = self.connection_statistics()["totals"]
        log.info(
            "💓 feed: %s of %s streams live, %s silent, %s frames/s, %d bars stored",
            totals.get("streams_live", 0),
            totals.get("streams_expected", 0),
            totals.get("streams_silent", 0),
            totals.get("messages_per_second", 0),
            self._stored,
        )


def _understood(body: Body | BadBody) -> Body:
    if isinstance(body, BadBody):
        raise RestError(f"the exchange's answer is not understood: {body.reason}")
    return body
