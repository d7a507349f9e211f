"""Keeps the history complete and true while the feed runs."""

from collections.abc import Callable, Iterable
from functools import partial

from channels.db import database_sync_to_async

from core import alerts
from core.clock import Clock
from market import patterns_report, selectors, services
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
        ledger = GapLedger(venue, clock)
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
            ledger=ledger,
        )
        self.trade_fill = TradeFill(
            rest,
            ledger,
            holes=state.holes,
            apply=lambda trade: state.apply(trade, clock.now_ms()),
            give_up=lambda hole: state.give_up(*hole),
        )
        self.audit = Audit(rest, partial(_stored_values, venue), writer.store)

    async def learn(self, symbols: Iterable[str]) -> None:
        """Read which bars of these symbols are stored already."""
        now = self._now_ms()
        for interval in self._market.intervals:
            since = self.backfill.window_start(interval, now)
            known = await database_sync_to_async(selectors.open_times_since)(
                venue=self._venue, interval=interval, since=since
            )
            for symbol in symbols:
                self.backfill.learn((symbol, interval), known.get(symbol, []), now)

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
        filled = await self.backfill.fill(
            self._now_ms, self._publisher.watched, self._cause
        )
        if filled:
            self.tell("rest", "filled", f"{filled} bars fetched from REST")

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
