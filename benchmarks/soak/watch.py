"""What an operator and a browser see meanwhile: states, events, trades, memory."""

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from core import redis as core_redis
from core import snapshot, wire
from core.errors import BusUnavailable
from market import live, selectors
from market.publisher import META, QUOTES, symbol_topic
from market.services import interest_key

VENUE = "simulator"
OPEN = ("live", "degraded")
INTEREST_MS = 30_000
EVENTS_AT_ONCE = 5_000
# Pages call a report older than this stale.
STALE_MS = 2_500


@dataclass(frozen=True)
class Sample:
    """The published connections at ``at``, as told at ``told`` (both ms).

    ``told`` is 0 when nothing could be read. ``expected`` and ``live`` count streams;
    ``all_open`` says that every connection is live, or degraded by a silent stream.
    """

    at: int
    told: int = 0
    expected: int = 0
    live: int = 0
    all_open: bool = False
    feed_started: int = 0

    @property
    def stale(self) -> bool:
        """Whether the report is old, or cannot be read."""
        return not self.told or self.at - self.told > STALE_MS

    @property
    def state(self) -> str:
        """What an operator reads of a sample that is not whole."""
        return "stale" if self.stale else "not all live"

    def whole(self, streams: int, spare: int = 0) -> bool:
        """Whether at least ``streams`` are expected, and live but for ``spare``."""
        return (
            not self.stale
            and self.all_open
            and self.expected >= streams
            and self.live >= self.expected - spare
        )


class Watcher:
    """Looks at the product a few times a second and remembers what it saw."""

    def __init__(self, watched: list[str], streams: int) -> None:
        self._watched = watched
        self._streams = streams
        self._unwatched = 0
        self.samples: list[Sample] = []
        self.events: list[dict[str, Any]] = []
        self.trades = SeenTrades()
        self._event_id = 0

    def look(self) -> Sample:
        """Look once; what cannot be read now is a sample without content."""
        sample = self._sample()
        self.samples.append(sample)
        self._read_events()
        if sample.told:
            # A feed that follows less has begun the tapes anew, as for a new page.
            self._unwatched += sample.expected < self._streams
            self._look_at_symbols(f"{sample.feed_started} {self._unwatched}")
        return sample

    def _sample(self) -> Sample:
        now = time.time_ns() // 1_000_000
        try:
            found = live.connections(VENUE)
        except BusUnavailable:
            return Sample(now)
        totals, report = found["totals"], found["feed"] or {}
        rows = found["connections"]
        return Sample(
            now,
            int(totals.get("at") or 0),
            int(totals.get("streams_expected") or 0),
            int(totals.get("streams_live") or 0),
            bool(rows) and all(row["state"] in OPEN for row in rows),
            int(report.get("started_at") or 0),
        )

    def _read_events(self) -> None:
        rows = selectors.connection_events(
            venue=VENUE, after=self._event_id, limit=EVENTS_AT_ONCE
        )
        if rows:
            self._event_id = rows[-1]["id"]
            self.events += rows

    def _look_at_symbols(self, life: str) -> None:
        """As a page does: say that somebody looks, read the tape."""
        client = core_redis.sync_client()
        try:
            expiry = time.time_ns() // 1_000_000 + INTEREST_MS
            wanted = dict.fromkeys(self._watched, expiry)
            client.zadd(interest_key(VENUE), wanted, gt=True)
            meta = snapshot.read_one(client, VENUE, META, QUOTES)
            epoch = wire.decode(meta)["epoch"] if meta else ""
            for symbol in self._watched:
                raw = snapshot.read_one(client, VENUE, symbol_topic(symbol), "trades")
                if raw is not None:
                    self.trades.see(
                        symbol, f"{life} {epoch}", wire.decode(raw)["items"]
                    )
        except core_redis.UNAVAILABLE:
            return
        finally:
            client.close()


Seen = dict[int, tuple[float, float, bool]]


class SeenTrades:
    """Trades as browsers saw them, in runs.

    A tape goes on without a hole while the same feed publishes under the same epoch;
    after that another run begins.
    """

    def __init__(self) -> None:
        self.runs: defaultdict[tuple[str, str], Seen] = defaultdict(dict)
        self.duplicates = 0
        self.changed = 0

    def see(self, symbol: str, run: str, items: list[list[Any]]) -> None:
        """Take the recent trades of a symbol: [id, time, price, quantity, maker]."""
        numbers = [int(item[0]) for item in items]
        self.duplicates += len(numbers) - len(set(numbers))
        known = self.runs[symbol, run]
        for number, _, price, quantity, maker in items:
            value = (float(price), float(quantity), bool(maker))
            self.changed += known.setdefault(int(number), value) != value

    @property
    def count(self) -> int:
        """How many trades were seen."""
        return sum(len(seen) for seen in self.runs.values())
