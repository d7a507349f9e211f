"""The gap ledger: every missing range is a row from detection to proof."""

from collections.abc import Sequence
from typing import Protocol

from channels.db import database_sync_to_async

from core.clock import Clock
from market import services
from market.domain.candles import MissingBars
from market.trade_fill import Hole


class Ledger(Protocol):
    """Who is told of missing bars."""

    async def opened(self, ranges: Sequence[MissingBars], cause: str) -> None:
        """Bars are missing and will be fetched."""

    async def settled(self, ranges: Sequence[MissingBars]) -> None:
        """The exchange's answer is stored: prove what is there."""


class NoLedger:
    """Tells nobody."""

    async def opened(self, ranges: Sequence[MissingBars], cause: str) -> None:
        """See ``Ledger``."""

    async def settled(self, ranges: Sequence[MissingBars]) -> None:
        """See ``Ledger``."""


class GapLedger:
    """Keeps the ledger of one venue in the database."""

    def __init__(self, venue: str, clock: Clock) -> None:
        self._venue = venue
        self._clock = clock

    async def opened(self, ranges: Sequence[MissingBars], cause: str) -> None:
        """Store the ranges; one that is open already keeps its row and may grow."""
        await database_sync_to_async(services.gaps_open)(
            venue=self._venue, ranges=ranges, cause=cause, now_ms=self._clock.now_ms()
        )

    async def settled(self, ranges: Sequence[MissingBars]) -> None:
        """Read the bars back and close the rows as filled or unfillable."""
        await database_sync_to_async(services.gaps_settle)(
            venue=self._venue, ranges=ranges, now_ms=self._clock.now_ms()
        )

    async def trades_opened(self, holes: list[Hole], cause: str) -> None:
        """See ``TradeLedger``."""
        await database_sync_to_async(services.trade_gaps_open)(
            venue=self._venue, holes=holes, cause=cause, now_ms=self._clock.now_ms()
        )

    async def trades_settled(self, hole: Hole, found: int, note: str) -> None:
        """See ``TradeLedger``."""
        symbol, first, _ = hole
        await database_sync_to_async(services.trade_gap_settle)(
            venue=self._venue,
            symbol=symbol,
            first=first,
            found=found,
            note=note,
            now_ms=self._clock.now_ms(),
        )
