"""What the feeds tell of themselves once a second.

Each writes its part; the one that leads publishes all of them as one.
"""

import os

from channels.db import database_sync_to_async

from core.clock import Clock
from market import selectors
from market.audit import Audit
from market.backfill import Backfill
from market.binance.rate import Rate
from market.books import Books
from market.follower import Follower
from market.ingest import Ingest
from market.parts import Values, reconnects_together, together
from market.private_connections import private_parts
from market.publisher import CONNECTIONS, FEED, Publisher
from market.shares import Shares
from market.writer import Writer

BRIEF = (
    "name", "host", "pid", "state", "shares", "symbols", "started_at", "data_at",
    "frames_per_second", "lag_ms",
)  # fmt: skip
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
        shares: Shares,
        ingest: Ingest,
        books: Books,
        writer: Writer,
        backfill: Backfill,
        audit: Audit,
        publisher: Publisher,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._follower = follower
        self._shares = shares
        self._ingest = ingest
        self._books = books
        self._writer = writer
        self._backfill = backfill
        self._audit = audit
        self._publisher = publisher
        self._started_at = clock.now_ms()
        self._rate = Rate(clock.monotonic())
        self._state = ("", self._started_at)

    async def tell(self, desired: str, lag_ms: float) -> None:
        """Write this feed's part, and all of them when it leads."""
        now = self._clock.now_ms()
        part: Values = {
            "feed": self._report(now, desired, lag_ms),
            "statistics": self._follower.statistics(),
        }
        if self._shares.leads:
            await self._publish(now, [part, *await self._others(now)])
        elif self._shares.followed:
            await self._publisher.part(part)
        await self._publisher.bars()

    async def end(self) -> None:
        """Tell no more."""
        await self._publisher.no_part()

    async def _publish(self, now: int, parts: list[Values]) -> None:
        statistics = [part["statistics"] for part in parts]
        rows = [row for each in statistics for row in each["connections"]]
        # Hundreds of rows every second would be more than all prices together.
        if len(rows) <= MANY_CONNECTIONS or now // 1000 % MANY_SECONDS == 0:
            totals = together([each["totals"] for each in statistics])
            reconnects = [each["reconnect_statistics"] for each in statistics]
            items = [(row["id"], row) for row in rows]
            items.append(("totals", {**totals, "at": now}))
            items.append(("reconnect_statistics", reconnects_together(reconnects)))
            await self._publisher.status(CONNECTIONS, items)
        reports = [part["feed"] for part in parts if "feed" in part]
        report = {**together(reports), "feeds": [_brief(each) for each in reports]}
        report["commands"] = await database_sync_to_async(
            selectors.feed_commands_recent
        )(venue=self._venue)
        await self._publisher.status(FEED, [("feed", report)])

    async def _others(self, now: int) -> list[Values]:
        """Return the parts of the other living feeds, then those of private streams."""
        parts = await self._publisher.parts()
        names = {member.name for member in self._shares.members}
        names.discard(self._shares.name)
        feeds = [parts[name] for name in sorted(names & parts.keys())]
        private = private_parts(parts, now)
        return [*feeds, *(dict(private[name]) for name in sorted(private))]

    def _report(self, now: int, desired: str, lag_ms: float) -> Values:
        backfill, audit = self._backfill, self._audit
        state, since = self._current_state(now)
        return {
            "at": now,
            "name": self._shares.name,
            "host": self._shares.member.host,
            "shares": len(self._shares.followed),
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
            "most_waiting": self._ingest.most_waiting,
            "pauses": self._ingest.pauses,
            "dropped": self._writer.events_dropped,
            "conflated": self._ingest.conflated,
            "late": self._ingest.late,
            "decode_errors": sum(self._ingest.failures.values()),
            "books": self._books.report(),
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
        }

    def _current_state(self, now: int) -> tuple[str, int]:
        """Return whether the sockets are wanted open, and since when (ms)."""
        state = "stopped" if self._follower.client is None else "running"
        if state != self._state[0]:
            self._state = (state, now)
        return self._state


def _brief(report: Values) -> Values:
    """Return what is shown of one feed among several."""
    return {name: report[name] for name in BRIEF}
