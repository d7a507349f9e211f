"""What a test sees of the product: frames, events, books, bars stored."""

import asyncio
import json
import time

from asgiref.sync import sync_to_async

from core import snapshot
from market import selectors, services
from market.binance.streams import book_ticker_stream, depth_stream
from market.books import Books
from market.domain.state import MarketState
from market.ingest import Ingest
from market.models import ConnectionEvent, Gap
from market.simulator.book import DEPTH, ID_STEP
from market.simulator.depths import top_levels
from market.simulator.faults.fault import Fault
from tests.waiting import PATIENCE, eventually, until

MINUTE_MS = 60_000


class SwiftClock:
    """Deadlines of minutes pass in seconds; stamps stay true."""

    def __init__(self, factor):
        self._factor = factor

    def now_ms(self):
        return time.time_ns() // 1_000_000

    def monotonic(self):
        return time.monotonic() * self._factor


class Followed:
    """A client at work: its frames go into a real state, trades and bars are counted."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.client = None
        self.events = []
        self.trades = []
        self.state = MarketState()
        self.ingest = Ingest(self.state, limit=50_000)

    def take(self, name, kind, raw, received_ms):
        self.ingest.receive(name, kind, raw, received_ms)
        if b'"e":"aggTrade"' in raw:
            self.trades.append(json.loads(raw)["data"]["a"])

    def arm(self, kind, **options):
        return self.simulator.faults.arm(Fault(kind=kind, **options))

    def hits(self, number):
        return self.simulator.faults.hits(number)

    @property
    def totals(self):
        return self.client.get_connection_stats()["totals"]

    def all_live(self):
        totals = self.totals
        return totals["streams_live"] == totals["streams_expected"]

    async def live(self, seconds=PATIENCE):
        await until(self.all_live, seconds)

    def told(self, kind):
        """The events of a kind."""
        return [event for event in self.events if event.kind == kind]

    async def hears(self, kind, count=1, seconds=PATIENCE):
        """Wait for so many events of the kind; return the last."""
        await until(lambda: len(self.told(kind)) >= count, seconds)
        return self.told(kind)[-1]

    async def hears_data(self, seconds=PATIENCE):
        """Wait for a frame that is newer than now."""
        before = self.ingest.frames
        await until(lambda: self.ingest.frames > before, seconds)

    def understood(self):
        """Decode everything; nothing of it may be refused."""
        self.ingest.drain()
        assert not self.ingest.failures


class Shelf:
    """Books kept from the diffs of a client at work, ticking as the feed does."""

    def __init__(self, simulator, rest, clock):
        self.simulator = simulator
        self.rest = rest
        self.clock = clock
        self.wanted = []
        self.told = []
        self.watch = lambda: None
        self.state = MarketState()
        self.books = Books(
            rest, self.state, clock=clock, wanted=lambda: self.wanted, tell=self._hear
        )
        self.ingest = Ingest(self.state, limit=50_000, diffs=self.books.take)
        self.tasks = []

    def _hear(self, connection, kind, reason, route="market"):
        self.told.append((connection, kind, reason))

    def start(self):
        self.tasks = [
            asyncio.create_task(self.books.run()),
            asyncio.create_task(self._tick()),
        ]

    async def _tick(self):
        while True:
            self.ingest.drain()
            self.books.step()
            self.watch()
            await asyncio.sleep(0.05)

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.rest.aclose()

    @staticmethod
    def streams(symbols):
        return [make(s) for s in symbols for make in (depth_stream, book_ticker_stream)]

    def arm(self, kind, symbol, **options):
        stream = depth_stream(symbol)
        return self.simulator.faults.arm(Fault(kind=kind, stream=stream, **options))

    def all_live(self):
        assert not any(task.done() for task in self.tasks)
        report = self.books.report()
        return report["live"] == len(self.wanted) == report["wanted"]

    async def live(self, seconds=PATIENCE):
        await until(self.all_live, seconds)

    def is_true(self, symbol):
        """Every level is the exchange's own at the book's update id."""
        book = self.books.book(symbol)._book
        mine = book.top(2 * DEPTH)
        return mine == self._truth(symbol, book.last_id // ID_STEP)

    def _truth(self, symbol, slot):
        listed = self.simulator.exchange.by_name[symbol]
        whole = self.simulator.exchange.book_at(listed, slot)
        return tuple(
            tuple(
                (float(listed.price_text(price)), float(listed.quantity_text(size)))
                for price, size in top_levels(side, DEPTH)
            )
            for side in (whole.bids, whole.asks)
        )

    def drifted(self):
        """The live books that are not the exchange's."""
        kept = [s for s in self.wanted if self.books.book(s).live]
        return [symbol for symbol in kept if not self.is_true(symbol)]


class RunningFeed:
    def __init__(self, feed, simulator, bus):
        self.feed = feed
        self.bus = bus
        self.simulator = simulator
        self.task = asyncio.create_task(feed.run())
        self._tape = None

    def arm(self, kind, **options):
        return self.simulator.faults.arm(Fault(kind=kind, **options))

    def all_live(self):
        totals = self.feed.follower.statistics()["totals"]
        return totals and totals["streams_live"] == totals["streams_expected"] > 0

    async def live(self, seconds=PATIENCE):
        await until(lambda: self.task.done() or self.all_live(), seconds)
        assert not self.task.done()

    async def watch(self, *symbols):
        """Somebody looks at these symbols."""
        for symbol in symbols:
            await services.interest_declare(
                self.feed._redis, venue="simulator", symbol=symbol, seconds=600,
                now_ms=time.time_ns() // 1_000_000,
            )  # fmt: skip
        self.feed.operator.called.set()
        await until(lambda: set(symbols) <= self.feed.publisher.watched)

    async def watch_trades(self):
        """Somebody looks at one symbol: from now on none of its trades may be lost."""
        self.watched = self.feed.follower.symbols[0]
        await self.watch(self.watched)
        await until(lambda: self._watched_tape() is not None)
        self._tape = self._watched_tape()

    def _watched_tape(self):
        record = self.feed.state.records.get(self.watched)
        return record and record.tapes.get(True)

    def table(self, name):
        """What other processes read of the feed."""
        found = snapshot.read(self.bus, "simulator", name)
        return {key: json.loads(raw) for key, raw in found.items()}

    def book(self, symbol):
        return self.table(f"symbol:{symbol}").get("book", {})

    def report(self):
        return self.table("feed")["feed"]

    async def told(self, kind):
        """The stored events of a kind, once there are any."""
        return await eventually(lambda: _events(kind), len)

    def losses(self):
        """Connections lost so far."""
        return sum(c.reconnector.total for c in self.connections())

    def connections(self):
        client = self.feed.follower.client
        return list(client.connections.values()) if client else []

    async def loses(self, kind, **options):
        """Arm a fault and wait until a connection is lost by it."""
        before = self.losses()
        self.arm(kind, **options)
        await until(lambda: self.losses() > before)

    async def stop(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def has_everything(self):
        """Every closed bar and every watched trade is there once, with no row open."""
        await self.has_every_bar()
        await self._has_every_trade()

    async def _has_every_trade(self):
        tape, newest = self._tape, self._tape.newest
        records = self.feed.state.records.values()

        def tapes():
            return [each.tapes[True] for each in records if True in each.tapes]

        await until(
            lambda: tape.newest > newest and not any(each.missing for each in tapes())
        )
        passed = sum(each.newest - each.first + 1 for each in tapes())
        assert self.feed.state.counts.applied["Trade"] == passed
        assert self._watched_tape() is tape
        await eventually(_trade_rows, lambda states: states <= {"filled"})

    async def has_every_bar(self):
        """Every bar up to now is stored once, with the exchange's own values."""
        last = self.feed._exchange_now() // MINUTE_MS * MINUTE_MS - MINUTE_MS
        for symbol in self.feed.follower.symbols:
            await self._has_bars(symbol, last)

    async def _has_bars(self, symbol, last):
        def whole(bars):
            first = min(bars, default=last)
            return bars and bars.keys() >= set(range(first, last + 1, MINUTE_MS))

        bars = await eventually(lambda: _stored(symbol), whole)
        rows = await self.feed.rest.get(
            "/fapi/v1/klines", weight=5, symbol=symbol, interval="1m",
            startTime=min(bars), limit=500,
        )  # fmt: skip
        truth = {row[0]: [*map(float, row[1:6]), float(row[7]), row[8]] for row in rows}
        wanted = {at: truth[at] for at in bars if at <= last}
        assert {at: list(bars[at]) for at in wanted} == wanted


@sync_to_async
def _events(kind):
    return list(ConnectionEvent.objects.filter(kind=kind))


@sync_to_async
def _trade_rows():
    return set(Gap.objects.filter(kind="aggTrade").values_list("state", flat=True))


@sync_to_async
def _stored(symbol):
    rows = selectors.bars_recent(
        venue="simulator", symbol=symbol, interval="1m", limit=1500
    )
    return {row[0]: row[1:8] for row in rows}
