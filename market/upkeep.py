"""Keeps the history complete and true while the feed runs."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from channels.db import database_sync_to_async

from core import alerts
from core.clock import Clock
from core.leases import Member
from market import connection_alerts, patterns_report, selectors, services
from market.audit import Audit
from market.backfill import Backfill, Pair
from market.binance.events import ConnectionEvent
from market.binance.rest import BinanceRestClient
from market.binance.streams import Route
from market.config import MarketSettings
from market.domain.state import MarketState
from market.gaps import GapLedger
from market.publisher import Publisher
from market.trade_fill import TradeFill
from market.writer import Writer

DAY_MS = 86_400_000


class Upkeep:
    """Back-fill, audit, patterns and pruning of one venue."""

    def __init__(
        self,
        *,
        venue: str,
        clock: Clock,
        market: MarketSettings,
        rest: BinanceRestClient,
        state: MarketState,
        publisher: Publisher,
        writer: Writer,
        now_ms: Callable[[], int],
    ) -> None:
        ledger = self._ledger = GapLedger(venue, clock)
        self._venue = venue
        self._clock = clock
        self._market = market
        self._publisher = publisher
        self._writer = writer
        self._now_ms = now_ms
        self._cause = "the feed was not running"
        self._lost_since: int | None = None
        self.backfill = Backfill(
            rest,
            writer.store,
            history_bars=market.history_bars,
            concurrency=market.backfill_concurrency,
            grace_ms=int(market.backfill_grace_seconds * 1000),
            ledger=ledger,
        )
        self.trade_fill = TradeFill(
            rest,
            ledger,
            holes=state.holes,
            apply=lambda trade: state.apply(trade, clock.now_ms(), fetched=True),
            give_up=lambda hole: state.give_up(*hole),
            covers=lambda hole: state.covers(*hole),
        )
        self.audit = Audit(rest, partial(_stored_values, venue), writer.store)

    async def learn(self, symbols: Sequence[str]) -> None:
        """Read which bars of these symbols are stored already, or cannot be had."""
        if not symbols:
            return
        now = self._now_ms()
        for interval in self._market.intervals:
            since = self.backfill.window_start(interval, now)
            known = await database_sync_to_async(selectors.open_times_since)(
                venue=self._venue, interval=interval, since=since
            )
            absent = await database_sync_to_async(selectors.unfillable_since)(
                venue=self._venue, interval=interval, since=since
            )
            for symbol in symbols:
                settled = {*known.get(symbol, ()), *absent.get(symbol, ())}
                self.backfill.learn((symbol, interval), sorted(settled), now)

    def forget(self, symbols: Iterable[str]) -> None:
        """These symbols are followed no longer."""
        self.backfill.forget(
            (symbol, interval)
            for symbol in symbols
            for interval in self._market.intervals
        )

    def hear(self, event: ConnectionEvent) -> None:
        """Take an event; the first loss of bars is the cause of the gaps after it.

        The failed dials that follow a loss are its consequence.
        """
        if event.route == Route.MARKET:
            if event.kind == "connected":
                self._lost_since = None
            elif event.kind in ("disconnected", "silent") and self._lost_since is None:
                self._lost_since = event.at
                self._cause = f"{event.connection}: {event.reason}"
        self._writer.event(event)

    async def inherit(self, feed: Member, left: Member) -> None:
        """Take the place of a feed that died: what is missing then is its loss."""
        if left.name == feed.name:
            self._cause = f"{left.where} ended without a word; {feed.where} goes on"
            self.tell(feed.name, "resumed", self._cause)
            return
        self._cause = f"{left.where} was lost; {feed.where} took over"
        self.tell(left.name, "taken_over", self._cause)
        await database_sync_to_async(connection_alerts.feed_gone)(
            venue=self._venue, feed=left.name
        )

    def tell(
        self, connection: str, kind: str, reason: str, route: str = "market"
    ) -> None:
        """Make an event of something that the feed itself did."""
        self._writer.event(
            ConnectionEvent(
                at=self._clock.now_ms(),
                connection=connection,
                route=route,
                kind=kind,
                reason=reason,
            )
        )

    async def fill_bars(self) -> None:
        """Fetch the closed bars that no stream brought."""
        await self._look_again(self.backfill.missing(self._now_ms()))
        filled = await self.backfill.fill(
            self._now_ms, self._publisher.watched, self._cause
        )
        await self._settle_what_came()
        if filled:
            self.tell("rest", "filled", f"{filled} bars fetched from REST")

    async def _settle_what_came(self) -> None:
        """Close rows whose bars are there by now, whoever brought them."""
        rows = await database_sync_to_async(selectors.gaps_open)(venue=self._venue)
        followed = set(self.backfill.pairs)
        now = self._now_ms()
        there = [
            gap
            for gap in rows
            if (gap.symbol, gap.interval) in followed
            # Of what is older than the history that is kept nothing is known.
            and gap.first >= self.backfill.window_start(gap.interval, now)
            and self.backfill.known((gap.symbol, gap.interval)) >= gap.last
        ]
        if there:
            await self._ledger.settled(there)

    async def _look_again(self, pairs: Iterable[Pair]) -> None:
        """Another feed may have stored what did not come here."""
        by_interval: dict[str, list[Pair]] = {}
        for pair in pairs:
            by_interval.setdefault(pair[1], []).append(pair)
        for interval, group in by_interval.items():
            stored = await database_sync_to_async(selectors.open_times_since)(
                venue=self._venue,
                interval=interval,
                since=min(map(self.backfill.known, group)),
            )
            followed = set(self.backfill.pairs)  # others may be gone meanwhile
            for pair in group:
                if pair in followed:
                    self.backfill.found(pair, stored.get(pair[0], []))

    async def fill_trades(self) -> None:
        """Fetch the watched trades that no stream brought."""
        filled = await self.trade_fill.step(self._cause)
        if filled:
            self.tell("rest", "filled", f"{filled} trades fetched from REST")

    async def audit_some(self) -> None:
        """Compare the next few series with the exchange."""
        repaired = await self.audit.step(self.backfill.pairs, self._now_ms())
        if repaired:
            self.tell("rest", "repaired", f"{repaired} wrong bars replaced")

    async def store_alerts(self) -> None:
        """Store alerts that waited for the database, of whichever process."""
        await database_sync_to_async(alerts.alerts_store_waiting)()

    async def find_patterns(self) -> None:
        """Look for disconnects that come back."""
        await database_sync_to_async(patterns_report.tell)(
            venue=self._venue, clock=self._clock, days=self._market.event_days
        )

    async def prune(self) -> None:
        """Delete events past their age."""
        before = self._clock.now_ms() - self._market.event_days * DAY_MS
        await database_sync_to_async(services.connection_events_prune)(
            venue=self._venue, before_ms=before
        )


async def _stored_values(
    venue: str, pair: Pair, since: int
) -> dict[int, tuple[float, ...]]:
    found: dict[int, tuple[float, ...]] = await database_sync_to_async(
        selectors.bar_values
    )(venue=venue, symbol=pair[0], interval=pair[1], since=since)
    return found
