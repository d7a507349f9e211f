"""F13: hundreds of books wanted at once cost more weight than a minute allows."""

import time
from types import SimpleNamespace

import pytest

from core import redis as core_redis
from market.address_hold import AddressHold
from market.binance import rest as rest_module
from market.binance.weights import usable
from market.budget import SharedWeightBudget
from market.simulator import app as app_module
from market.simulator.errors import ApiError
from market.simulator.limits import Limits
from tests.waiting import until

BOOKS = 140
WEIGHT = 20
LIMIT = 2400
SWIFT = 20.0


class SwiftMinutes:
    """Minutes pass in three seconds, for the exchange's limits and for us."""

    def __init__(self):
        # Early in a minute, so that the first one is worth having.
        self._zero = time.time() // 60 * 60 + 1
        self._begin = time.monotonic()

    def now_ms(self):
        return int((self._zero + self._passed()) * 1000)

    def monotonic(self):
        return self._passed()

    def time(self):
        return self._zero + self._passed()

    def _passed(self):
        return (time.monotonic() - self._begin) * SWIFT


@pytest.fixture
def minutes(monkeypatch):
    clock = SwiftMinutes()
    monkeypatch.setattr(app_module, "time", SimpleNamespace(time=clock.time))
    monkeypatch.setattr(rest_module, "ASK_AGAIN_SECONDS", 0.05)
    return clock


@pytest.fixture
def exchange_settings(minutes):
    return {"symbols": BOOKS, "weight_limit": LIMIT}


@pytest.fixture
def spending(monkeypatch):
    """What the exchange counted after each request, and what it refused."""
    counted, refused = [], []
    spend = Limits.spend

    def seen(self, address, weight):
        try:
            counted.append(spend(self, address, weight))
        except ApiError as error:
            refused.append(error.status)
            raise
        return counted[-1]

    monkeypatch.setattr(Limits, "spend", seen)
    return counted, refused


@pytest.fixture
async def budget(minutes, bus, database):
    """What all processes of this address share."""
    redis = core_redis.client()
    hold = AddressHold(redis, "simulator", clock=minutes)
    shared = SharedWeightBudget(hold, "simulator")
    yield shared
    await shared.aclose()
    await redis.aclose()


async def test_all_books_come_in_order_and_within_the_weight_of_the_minutes(
    spending, budget, keep, simulator, minutes
):
    counted, refused = spending
    names = [symbol.name for symbol in simulator.exchange.symbols]
    shelf = await keep(clock=minutes, budget=budget)
    shelf.rest.weight_limit = LIMIT
    shelf.client.subscribe(shelf.streams(names))
    came, waiting = [], []

    def watch():
        live = {name for name in shelf.wanted if shelf.books.book(name).live}
        came.append(live - {name for earlier in came for name in earlier})
        waiting.append(shelf.books.report()["waiting"])

    shelf.watch = watch
    first = shelf.wanted = names[70:80]
    await until(lambda: shelf.books.report()["wanted"] == len(first))
    shelf.wanted = names
    await shelf.live(30)
    assert refused == []
    spendable = usable(LIMIT, cancel=False)
    assert max(counted) <= spendable
    assert spendable < BOOKS * WEIGHT
    order = [name for group in came for name in group]
    soon = set(order[: spendable // WEIGHT])
    # In the first minute those wanted before, then the most traded.
    assert soon >= set(first) | set(names[:20])
    assert soon.isdisjoint(names[-20:])
    assert max(waiting) >= BOOKS - spendable // WEIGHT
    assert shelf.drifted() == []


class TestTheWholeFeed:
    @pytest.fixture
    def exchange_settings(self):
        return {"symbols": 20, "speed": 60}

    @pytest.fixture
    def feed_settings(self):
        return {"book_source": "diff", "symbols": 20}, {}

    async def test_bars_and_trades_do_not_wait_for_twenty_new_books(self, feed):
        await feed.watch(*feed.feed.follower.symbols)
        await until(lambda: feed.report()["books"]["live"] == 20)
        before = feed.report()["books"]["snapshots"]
        await feed.loses("rst")
        await feed.live()
        await feed.has_everything()
        await until(lambda: feed.report()["books"]["live"] == 20)
        assert feed.report()["books"]["snapshots"] >= before + 20
