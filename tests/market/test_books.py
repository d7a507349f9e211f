"""The keeper of books: who is followed, shown, doubted, told of and fetched."""

import asyncio
from collections import Counter

import pytest

from market.binance.rest import RestUnavailable
from market.binance.rest_schemas import parse_depth
from market.binance.streams import stream_kind
from market.books import FRESH_MS, SNAPSHOTS_AT_ONCE, Books
from market.captures import frames
from market.domain.kept_book import DISAGREE_SECONDS, SETTLE_SECONDS, Loss
from market.domain.state import MarketState
from market.domain.types import BookDelta, Quote
from market.ingest import Ingest
from tests.clock import FakeClock
from tests.payloads import CAPTURES, needs_captures
from tests.waiting import until

BODY = (
    b'{"lastUpdateId":%d,"E":1,"T":1,"bids":[["100","1"],["99","2"]],'
    b'"asks":[["101","1"],["102","2"]]}'
)


class Exchange:
    """Answers of REST as a test wants them; ``gate`` holds them back while clear."""

    def __init__(self):
        self.asked, self.error, self.at_once, self.most = [], None, 0, 0
        self.last_id = 100
        self.gate = asyncio.Event()
        self.gate.set()

    async def get_raw(self, path, *, weight, **params):
        assert (path, weight, params["limit"]) == ("/fapi/v1/depth", 20, 1000)
        self.asked.append(params["symbol"])
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.gate.wait()
        self.at_once -= 1
        if self.error is not None:
            raise self.error
        return BODY % self.last_id


class Kit:
    def __init__(self):
        self.clock, self.exchange, self.state = FakeClock(), Exchange(), MarketState()
        self.wanted, self.told = [], []
        self.books = Books(
            self.exchange,
            self.state,
            clock=self.clock,
            wanted=lambda: self.wanted,
            tell=lambda *event: self.told.append(event),
        )

    def diff(self, symbol, first, last, previous, bids=(), asks=()):
        at = self.clock.now_ms()
        self.books.take(
            BookDelta(symbol, first, last, previous, tuple(bids), tuple(asks), at, at),
            at,
        )

    def quote(self, symbol, bid, ask):
        at = self.clock.now_ms()
        self.state.apply(Quote(symbol, bid, 1.0, ask, 1.0, at, at, at), at)

    def want(self, *symbols):
        new = [symbol for symbol in symbols if symbol not in self.wanted]
        self.wanted = list(symbols)
        self.books.step()
        for symbol in new:
            self.diff(symbol, 95, 105, 90)

    def later(self, seconds=SETTLE_SECONDS):
        self.clock.move(seconds)
        self.books.step()

    async def live(self, *symbols):
        self.want(*symbols)
        self.later()
        await until(lambda: self.books.report()["live"] == len(symbols))
        self.books.step()

    def item(self, symbol):
        items = self.state.symbol_items(symbol)
        return next((item for item in items if item["k"] == "book"), None)


@pytest.fixture
async def kit():
    made = Kit()
    task = asyncio.create_task(made.books.run())
    yield made
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_wanted_book_is_fetched_bridged_and_shown(kit):
    assert kit.item("BTCUSDT") is None
    await kit.live("BTCUSDT")
    item = kit.item("BTCUSDT")
    assert item["bids"] == ((100.0, 1.0), (99.0, 2.0))
    assert item["live"] is True
    assert kit.books.report() | {"snapshots": 1, "live": 1} == kit.books.report()


async def test_diffs_of_others_and_books_not_yet_live_are_not_shown(kit):
    kit.want("BTCUSDT")
    kit.diff("ETHUSDT", 1, 2, 0)
    kit.books.step()
    assert kit.item("BTCUSDT") is kit.item("ETHUSDT") is None
    assert kit.books.report()["waiting"] == 1


async def test_an_unchanged_book_is_not_published_again(kit):
    await kit.live("BTCUSDT")
    number = kit.item("BTCUSDT")["n"]
    kit.later(1)
    assert kit.item("BTCUSDT")["n"] == number
    kit.diff("BTCUSDT", 106, 107, 105, [(100.0, 3.0)])
    kit.books.step()
    assert kit.item("BTCUSDT")["n"] == number + 1


async def test_a_lost_book_is_marked_told_of_and_shown_again_when_it_is_true(kit):
    await kit.live("BTCUSDT", "ETHUSDT")
    kit.diff("BTCUSDT", 116, 117, 115)
    kit.diff("ETHUSDT", 106, 107, 105)
    kit.books.step()
    assert kit.item("BTCUSDT")["live"] is False
    assert kit.item("ETHUSDT")["live"] is True
    reason = f"BTCUSDT: {Loss.GAP}"
    assert kit.told == [("books", "book_rebuilt", reason, "public")]
    kit.exchange.last_id = 117
    kit.later(1)
    await until(lambda: kit.books.report()["live"] == 2)
    kit.books.step()
    assert kit.item("BTCUSDT")["live"] is True
    assert kit.exchange.asked.count("ETHUSDT") == 1
    report = kit.books.report()
    assert (report["gaps"], report["rebuilds"], report["snapshots"]) == (1, 1, 3)


async def test_many_books_lost_at_once_are_one_event(kit):
    names = [f"A{number}USDT" for number in range(9)]
    await kit.live(*names)
    for name in names:
        kit.diff(name, 116, 117, 115)
    kit.books.step()
    ((*_, reason, _),) = kit.told
    assert reason == f"{', '.join(names[:5])} and 4 more: {Loss.GAP}"


async def test_only_fresh_quotes_and_fresh_diffs_make_a_book_doubtful(kit):
    await kit.live("BTCUSDT")
    steps = int(DISAGREE_SECONDS * 2) + 1
    for _ in range(steps):  # quotes go on, diffs do not
        kit.quote("BTCUSDT", 100.0, 100.5)
        kit.later(FRESH_MS / 1000 + 0.1)
    assert kit.books.report()["live"] == 1
    for number in range(steps):
        kit.quote("BTCUSDT", 100.0, 100.5)
        kit.diff("BTCUSDT", 106 + number, 106 + number, 105 + number, [(90.0, 1.0)])
        kit.later(0.5)
    assert kit.books.report()["disagreed"] == 1
    assert kit.told[0][2] == f"BTCUSDT: {Loss.DISAGREES}"


async def test_what_is_wanted_no_longer_is_forgotten_and_begins_anew(kit):
    await kit.live("BTCUSDT")
    kit.wanted = []
    kit.books.step()
    assert kit.books.book("BTCUSDT") is None
    assert kit.item("BTCUSDT")["live"] is False
    kit.want("BTCUSDT")
    kit.later(0)
    assert kit.item("BTCUSDT")["live"] is False


async def test_few_snapshots_are_asked_at_once_the_first_wanted_first(kit):
    kit.exchange.gate.clear()
    early = [f"E{number}USDT" for number in range(6)]
    late = [f"A{number}USDT" for number in range(6)]
    kit.want(*early)
    kit.clock.move(1)
    kit.want(*late, *early)
    kit.later()
    await until(lambda: len(kit.exchange.asked) == SNAPSHOTS_AT_ONCE)
    await asyncio.sleep(0.05)
    kit.exchange.gate.set()
    await until(lambda: kit.books.report()["live"] == 12)
    assert kit.exchange.asked == early + late
    assert kit.exchange.most == SNAPSHOTS_AT_ONCE


async def test_an_exchange_that_does_not_answer_is_asked_again_later(kit):
    kit.exchange.error = RestUnavailable("away")
    kit.want("BTCUSDT")
    kit.later()
    await until(lambda: kit.books.report()["snapshots_failed"] == 1)
    kit.later(0.4)
    await asyncio.sleep(0.05)
    assert len(kit.exchange.asked) == 1
    kit.exchange.error = None
    kit.later(0.2)
    await until(lambda: kit.books.report()["live"] == 1)


async def test_an_answer_that_is_no_book_is_a_failure(kit, monkeypatch):
    async def nonsense(path, **_):
        return b'{"lastUpdateId":"x"}'

    monkeypatch.setattr(kit.exchange, "get_raw", nonsense)
    kit.want("BTCUSDT")
    kit.later()
    await until(lambda: kit.books.report()["snapshots_failed"] == 1)
    assert kit.books.report()["live"] == 0


@needs_captures
async def test_recorded_minutes_of_a_busy_book_are_live_all_the_time():
    """Real quotes and real diffs are never in step, and raise no doubt all the same."""
    kit = Kit()
    kit.clock.ms, snapshots = 0.0, []
    kit.wanted = ["ETHUSDT"]
    ingest = Ingest(kit.state, limit=10**6, diffs=kit.books.take)
    states = Counter()
    kit.books.step()
    book = kit.books.book("ETHUSDT")
    due = 0
    for frame in frames(CAPTURES / "hftbacktest/usdm_ethusdt_20240808.gz"):
        if b'"lastUpdateId"' in frame.raw:
            snapshots.append(parse_depth(frame.raw, symbol="ETHUSDT"))
            continue
        kit.clock.move((frame.received_ms - kit.clock.ms) / 1000)
        end = frame.raw.index(b'"', 11)
        name = frame.raw[11:end]
        kind = stream_kind(name.decode())
        ingest.receive(name, kind, frame.raw, frame.received_ms)
        if frame.received_ms >= due:
            due = frame.received_ms + 125
            ingest.drain()
            while snapshots:
                book.load(snapshots.pop(), kit.clock.monotonic())
            kit.books.step()
            states[book.live] += 1
    assert states[True] > 2_400
    assert states[False] < 5
    assert kit.books.losses == {}
