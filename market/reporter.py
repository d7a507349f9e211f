"""What the feed tells of itself once a second."""

import os
from typing import Any

from channels.db import database_sync_to_async

from core.clock import Clock
from market import selectors
from market.audit import Audit
from market.backfill import Backfill
from market.binance.rate import Rate
from market.follower import Follower
from market.ingest import Ingest
from market.publisher import CONNECTIONS, FEED, Publisher
from market.writer import Writer

MANY_CONNECTIONS = 20
MANY_SECONDS = 5


class Reporter:
    """Publishes the connections and the feed's own report."""

    def __init__(
        self,
        *,
        venue: str,
        clock: Clock,
        follower: Follower,
        ingest: Ingest,
        writer: Writer,
        backfill: Backfill,
        audit: Audit,
        publisher: Publisher,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._follower = follower
        self._ingest = ingest
        self._writer = writer
        self._backfill = backfill
        self._audit = audit
        self._publisher = publisher
        self._started_at = clock.now_ms()
        self._rate = Rate(clock.monotonic())
        self._state = ("", self._started_at)

    async def tell(self, desired: str, lag_ms: float) -> None:
        """Publish now."""
        statistics = self._follower.statistics()
        rows = statistics["connections"]
        now = self._clock.now_ms()
        items = [(row["id"], row) for row in rows]
        items.append(("totals", {**statistics["totals"], "at": now}))
        items.append(("reconnect_statistics", statistics["reconnect_statistics"]))
        # Hundreds of rows every second would be more than all prices together.
        if len(rows) <= MANY_CONNECTIONS or now // 1000 % MANY_SECONDS == 0:
            await self._publisher.status(CONNECTIONS, items)
        report = await self._report(now, desired, lag_ms)
        await self._publisher.status(FEED, [("feed", report)])
        await self._publisher.bars()

    async def _report(self, now: int, desired: str, lag_ms: float) -> dict[str, Any]:
        commands = await database_sync_to_async(selectors.feed_commands_recent)(
            venue=self._venue
        )
        backfill, audit = self._backfill, self._audit
        state, since = self._current_state(now)
        return {
            "at": now,
            "state": state,
            "since": since,
            "data_at": self._publisher.newest_arrival(),
            "desired": desired,
            "pid": os.getpid(),
            "started_at": self._started_at,
            "frames": self._ingest.frames,
            "frames_per_second": self._rate.of(
                self._ingest.frames, self._clock.monotonic()
            ),
            "lag_ms": lag_ms,
            "waiting": self._ingest.waiting,
            "dropped": self._writer.events_dropped,
            "conflated": self._ingest.conflated,
            "decode_errors": sum(self._ingest.failures.values()),
            "candles_stored": self._writer.stored,
            "bars_filled": backfill.filled,
            "audit": {
                "series": audit.series,
                "bars": audit.bars,
                "repaired": audit.repaired,
            },
            "history": {"planned": backfill.planned, "done": backfill.done},
            "history_failed": {" ".join(p): e for p, e in backfill.failed.items()},
            "symbols": len(self._follower.symbols),
            "exchange_time": self._publisher.newest_time(),
            "commands": commands,
        }

    def _current_state(self, now: int) -> tuple[str, int]:
        """Return whether the sockets are wanted open, and since when (ms)."""
        state = "stopped" if self._follower.client is None else "running"
        if state != self._state[0]:
            self._state = (state, now)
        return self._state
