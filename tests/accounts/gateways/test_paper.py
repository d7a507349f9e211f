"""The paper gateway over the snapshot that a feed writes to a real Redis."""

import asyncio
import json
import shutil
import threading
import time
from decimal import Decimal

import pytest
from django.db import OperationalError

from accounts.domain.exchange import (
    FillNews,
    NewOrder,
    OrderNews,
    OrderRef,
    PositionNews,
    StreamNews,
)
from accounts.domain.paper import PaperCosts
from accounts.domain.rules import SymbolRules
from accounts.gateways import paper_books
from accounts.gateways.paper import PaperGateway
from accounts.gateways.paper_market import SnapshotMarket
from accounts.journal import JournalUnavailable
from core import redis as core_redis
from core.clock import SystemClock
from core.errors import NameTaken
from market.binance.decode import decode
from market.domain.state import MarketState
from market.publisher import FEED, Publisher
from market.services import interest_key
from tests.clock import FakeClock
from tests.waiting import until

D = Decimal
RULES = SymbolRules("BTCUSDT", tick=D("0.1"), step=D("0.001"), min_notional=D(5))
COSTS = PaperCosts(taker_bps=D(5), maker_bps=D(2), slippage_bps=D(0), latency_ms=0)


class Feed:
    """Writes what a feed writes of BTCUSDT; the exchange's clock is ours."""

    def __init__(self, redis):
        self.state, self.number = MarketState(), 0
        self.publisher = Publisher(redis, "simulator", "run", self.state)
        self.publisher.watched = {"BTCUSDT"}
        self.clock = SystemClock()

    async def says(self, *bodies, at=None, report=True):
        now = self.clock.now_ms()
        for stream, body in bodies:
            self.number += 1
            data = {
                "E": now,
                "T": now,
                "s": "BTCUSDT",
                "u": self.number,
                "st": 1,
            } | body
            raw = json.dumps({"stream": f"btcusdt@{stream}", "data": data}).encode()
            for event in decode(raw):
                self.state.apply(event, now)
        self.publisher.offer(self.state.drain_changes())
        await self.publisher.finish()
        if report:
            told = {"at": at or now, "exchange_time": now, "data_at": now}
            await self.publisher.status(FEED, [("feed", told)])

    async def quotes(self, bid, ask, quantity=5, **report):
        await self.says(
            ("bookTicker", {"e": "bookTicker", "b": str(bid), "B": str(quantity), "a": str(ask), "A": str(quantity)}),
            ("markPrice@1s", {"e": "markPriceUpdate", "p": str(bid), "i": str(bid), "r": "0.0001", "T": 1}),
            **report,
        )  # fmt: skip

    async def book(self, bids, asks):
        await self.says(
            (
                "depth20@500ms",
                {"e": "depthUpdate", "U": 1, "pu": 0, "b": bids, "a": asks},
            )
        )

    async def trade(self, price, quantity=1):
        self.number += 1
        n = self.number
        await self.says(
            ("aggTrade", {"e": "aggTrade", "a": n, "p": str(price), "q": str(quantity), "f": n, "l": n, "m": True})
        )  # fmt: skip


class Told:
    def __init__(self, gateway):
        self.gateway, self.news = gateway, []
        self.task = asyncio.create_task(self._listen())

    async def _listen(self):
        async for news in self.gateway.events():
            self.news.append(news)

    def of(self, kind):
        return [news for news in self.news if isinstance(news, kind)]


@pytest.fixture
async def redis(bus):
    client = core_redis.client()
    yield client
    await client.aclose()


@pytest.fixture
async def feed(redis):
    feed = Feed(redis)
    await feed.quotes(100, 101)
    return feed


@pytest.fixture
async def open_gateway(redis, tmp_path):
    opened = []

    async def rules(symbol):
        return RULES if symbol == "BTCUSDT" else None

    async def open_gateway(folder="main", costs=COSTS, **options):
        market = SnapshotMarket(redis, "simulator", rules=rules, clock=SystemClock())
        gateway = PaperGateway(
            "main", folder=tmp_path / folder, market=market, starting_balance=D(1000),
            costs=costs, **options,
        )  # fmt: skip
        await gateway.start()
        told = Told(gateway)
        opened.append(told)
        return told

    yield open_gateway
    for told in opened:
        await told.gateway.close()
        async with asyncio.timeout(2):
            await told.task


def order(client_id="a", side="BUY", kind="MARKET", quantity=1, price=0, **more):
    return NewOrder(
        client_id, "BTCUSDT", side, kind, D(quantity), D(str(price)), **more
    )


async def test_a_market_order_meets_the_best_prices_and_is_told_like_the_exchange_does(
    feed, open_gateway, bus
):
    told = await open_gateway()
    outcome = await told.gateway.place(order())
    assert (outcome.kind, outcome.news.status) == ("done", "filled")
    assert [(fill.price, fill.fee) for fill in outcome.fills] == [(D(101), D("0.0505"))]
    await until(lambda: told.of(FillNews))
    assert told.of(StreamNews)[0].up
    assert told.of(PositionNews)[-1].quantity == 1
    assert [one.status for one in told.of(OrderNews)] == ["new", "filled"]
    picture = await told.gateway.picture()
    assert picture.balances[0].wallet == D(1000) - D("0.0505")
    assert picture.positions[0].profit == D(-1)
    assert bus.zscore(interest_key("simulator"), "BTCUSDT")


async def test_a_larger_order_waits_for_the_book_and_walks_it(feed, open_gateway):
    told = await open_gateway()
    job = asyncio.create_task(told.gateway.place(order(quantity=8)))
    await asyncio.sleep(0.1)
    await feed.book([["100", "5"]], [["101", "5"], ["102", "5"]])
    outcome = await job
    assert [fill.quantity for fill in outcome.fills] == [D(5), D(3)]


async def test_without_a_book_the_best_prices_are_all_there_is(
    feed, open_gateway, monkeypatch
):
    monkeypatch.setattr("accounts.gateways.paper.DEPTH_SECONDS", 0.1)
    told = await open_gateway()
    outcome = await told.gateway.place(order(quantity=8))
    assert (outcome.news.status, outcome.news.filled) == ("expired", D(5))


async def test_time_is_the_exchanges_and_never_goes_back(feed, redis):
    async def rules(_):
        return RULES

    clock = FakeClock(feed.clock.now_ms())
    market = SnapshotMarket(redis, "simulator", rules=rules, clock=clock)
    for ahead, shown in (
        (5_000, 5_000),
        (4_000, 5_000),
        (6_000, 6_000),
        (-60_000, -60_000),
    ):
        told = {
            "at": clock.now_ms(),
            "exchange_time": clock.now_ms() + ahead,
            "data_at": clock.now_ms(),
        }
        await feed.publisher.status(FEED, [("feed", told)])
        await market.glances([])
        assert market.now_ms() - clock.now_ms() == shown


async def test_prices_of_a_feed_that_is_gone_fill_nothing(feed, open_gateway):
    await feed.quotes(100, 101, at=feed.clock.now_ms() - 60_000)
    told = await open_gateway()
    outcome = await told.gateway.place(order())
    assert outcome.kind == "not_sent"
    assert "no prices" in outcome.message
    assert await told.gateway.query(OrderRef("BTCUSDT", "a")) is None


async def test_a_symbol_that_nobody_trades_is_refused(feed, open_gateway):
    told = await open_gateway()
    outcome = await told.gateway.place(
        NewOrder("a", "NOSUCHUSDT", "BUY", "MARKET", D(1))
    )
    assert (outcome.kind, outcome.code) == ("refused", -1121)


async def test_the_same_client_id_places_one_order(feed, open_gateway):
    told = await open_gateway(costs=PaperCosts(latency_ms=20))
    first, second = await asyncio.gather(
        told.gateway.place(order()), told.gateway.place(order())
    )
    third = await told.gateway.place(order())
    assert first.news == second.news == third.news
    assert len(await told.gateway.fills("BTCUSDT", since_ms=0)) == 1


async def test_a_resting_order_is_filled_by_trades_through_it(feed, open_gateway):
    told = await open_gateway()
    outcome = await told.gateway.place(order("l", kind="LIMIT", price=99))
    assert outcome.news.status == "new"
    await asyncio.sleep(0.01)
    await feed.trade("98.9", 3)
    await until(lambda: told.of(FillNews))
    assert told.of(FillNews)[0].maker
    news = await told.gateway.query(OrderRef("BTCUSDT", "l"))
    assert (news.status, news.average_price) == ("filled", D(99))


async def test_a_stop_triggers_with_the_market(feed, open_gateway):
    told = await open_gateway()
    await told.gateway.place(order())
    stop = order("s", "SELL", "STOP_MARKET", 0, stop_price=D(95), close_position=True)
    assert (await told.gateway.place(stop)).news.status == "held"
    await feed.quotes(94, 95)
    await feed.trade("94.5")

    def statuses():
        return [n.status for n in told.of(OrderNews) if n.ref.client_id == "s"]

    await until(lambda: "filled" in statuses())
    picture = await told.gateway.picture()
    assert picture.positions == ()
    assert statuses() == ["held", "new", "filled"]


async def test_a_database_that_is_away_means_that_nothing_is_sent(feed, open_gateway):
    told = await open_gateway()
    gateway = told.gateway
    placed = await gateway.place(order("l", kind="LIMIT", price=90))

    async def away(symbol):
        raise OperationalError("away")

    gateway._market._rules = away
    outcome = await gateway.place(order("m"))
    assert (outcome.kind, outcome.message) == ("not_sent", "away")
    ref = OrderRef("BTCUSDT", "l")
    outcome = await gateway.amend(ref, side="BUY", quantity=D(2), price=D(91))
    assert outcome.kind == "not_sent"
    assert (await gateway.query(ref)) == placed.news


async def test_cancel_amend_and_their_refusals(feed, open_gateway):
    told = await open_gateway()
    gateway, ref = told.gateway, OrderRef("BTCUSDT", "l")
    assert (await gateway.cancel(ref)).code == -2011
    await gateway.place(order("l", kind="LIMIT", price=90))
    amended = await gateway.amend(ref, side="BUY", quantity=D(2), price=D(91))
    assert (amended.news.quantity, amended.news.price) == (D(2), D(91))
    assert (await gateway.cancel(ref)).news.status == "canceled"
    again = await gateway.cancel(ref)
    assert (again.kind, again.news.status) == ("refused", "canceled")
    await gateway.place(order("m", kind="LIMIT", price=90))
    assert (await gateway.cancel_all("BTCUSDT")).kind == "done"
    assert (await gateway.picture()).orders == ()


async def test_settings_and_the_countdown(feed, open_gateway):
    told = await open_gateway()
    gateway = told.gateway
    assert (await gateway.set_leverage("BTCUSDT", 126)).code == -4028
    assert (await gateway.set_leverage("BTCUSDT", 5)).kind == "done"
    assert (await gateway.set_margin_type("BTCUSDT", "isolated")).kind == "done"
    assert (await gateway.set_position_mode(hedge=False)).kind == "done"
    await gateway.place(order("l", kind="LIMIT", price=90))
    assert (await gateway.set_position_mode(hedge=True)).code == -4067
    assert (await gateway.set_margin_type("BTCUSDT", "cross")).code == -4047
    await gateway.countdown("BTCUSDT", 60_000)
    await gateway.countdown("BTCUSDT", 1)
    await until(lambda: told.of(OrderNews)[-1].status == "canceled")
    assert told.of(OrderNews)[-1].reason == "the countdown ran out"


async def test_a_crash_at_any_moment_finds_the_account_as_it_was_told(
    feed, open_gateway, tmp_path
):
    told = await open_gateway()
    await told.gateway.place(order("a"))
    await told.gateway.place(order("l", kind="LIMIT", price=90))
    await told.gateway.set_leverage("BTCUSDT", 7)
    shutil.copytree(tmp_path / "main", tmp_path / "copy")  # as a crash leaves it
    again = await open_gateway("copy")
    assert again.gateway._account.state == told.gateway._account.state
    assert (await again.gateway.query(OrderRef("BTCUSDT", "l"))).status == "new"
    fills = await again.gateway.fills("BTCUSDT", since_ms=0)
    assert fills == await told.gateway.fills("BTCUSDT", since_ms=0)
    with pytest.raises(NameTaken):
        await open_gateway("main")


async def test_an_account_with_a_long_past_is_kept_as_one_record(
    feed, open_gateway, tmp_path, monkeypatch
):
    monkeypatch.setattr(paper_books, "RECORDS_KEPT", 10)
    told = await open_gateway()
    for number in range(6):
        await told.gateway.place(order(f"a-{number}"))
    await until(lambda: told.gateway._books._records == 0)
    await told.gateway.place(order("last"))
    state = told.gateway._account.state
    await told.gateway.close()
    again = await open_gateway()
    assert again.gateway._account.state == state


async def test_a_full_disk_means_that_nothing_was_sent(feed, open_gateway, monkeypatch):
    told = await open_gateway()

    def full(*_):
        raise JournalUnavailable("the journal cannot be written: no space left")

    monkeypatch.setattr(told.gateway._books._journal, "append", full)
    outcome = await told.gateway.place(order())
    assert (outcome.kind, outcome.fills) == ("not_sent", ())
    assert "no space" in outcome.message
    monkeypatch.undo()
    assert (await told.gateway.place(order())).kind == "done"


async def test_whoever_gives_up_waiting_leaves_a_whole_account(
    feed, open_gateway, monkeypatch
):
    told = await open_gateway()
    journal, writing = told.gateway._books._journal, threading.Event()
    append = journal.append

    def slowly(*records):
        writing.set()
        time.sleep(0.1)
        append(*records)

    monkeypatch.setattr(journal, "append", slowly)
    job = asyncio.create_task(told.gateway.place(order()))
    await until(writing.is_set)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    news = None
    async with asyncio.timeout(2):
        while news is None:
            await asyncio.sleep(0.01)
            news = await told.gateway.query(OrderRef("BTCUSDT", "a"))
    assert news.status == "filled"


async def test_a_reset_begins_anew(feed, open_gateway):
    told = await open_gateway()
    await told.gateway.place(order())
    assert (await told.gateway.reset(D(50))).kind == "done"
    picture = await told.gateway.picture()
    assert (picture.positions, picture.balances[0].wallet) == ((), D(50))


async def test_without_redis_orders_are_not_sent_and_reads_still_answer(
    feed, open_gateway, redis, monkeypatch
):
    told = await open_gateway()
    await told.gateway.place(order())

    async def away(*_, **__):
        raise ConnectionError("Redis is away")

    monkeypatch.setattr("redis.asyncio.client.Pipeline.execute", away)
    assert (await told.gateway.place(order("b"))).kind == "not_sent"
    picture = await told.gateway.picture()
    assert picture.positions[0].quantity == 1
    assert picture.positions[0].profit is None
