"""A trader at work on paper accounts, whose gateways can be made to fail."""

import asyncio
import time
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from decimal import Decimal

from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group

from accounts import intents
from accounts.domain.exchange import Outcome
from accounts.domain.paper import PaperCosts
from accounts.domain.rules import SymbolRules
from accounts.gateways.paper import PaperGateway
from accounts.gateways.paper_market import SnapshotMarket
from accounts.intent_documents import parse_result
from accounts.models import ExchangeAccount, Intent, User
from accounts.trader import Trader
from core import redis as core_redis
from core import wire
from core.clock import SystemClock
from market.models import Instrument
from tests.waiting import until

D = Decimal
VENUE = "simulator"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
COSTS = PaperCosts(slippage_bps=D(0), latency_ms=0)


class Market:
    """Prices as the feed writes them, always fresh."""

    def __init__(self, redis):
        self._redis = redis
        self.price = D(100)

    async def tell(self):
        now = time.time_ns() // 1_000_000
        bid, ask = float(self.price), float(self.price + D("0.1"))
        quote = {
            "p": bid, "b": bid, "B": 1000.0, "a": ask, "A": 1000.0, "m": bid, "i": bid,
            "f": 0.0001, "t": now, "s": [0, 0, 0],
        }  # fmt: skip
        book = {
            "bids": [[bid, 1000.0]],
            "asks": [[ask, 1000.0]],
            "t": now,
            "live": True,
        }
        report = {"at": now, "exchange_time": now, "data_at": now}
        pipeline = self._redis.pipeline(transaction=False)
        state = f"quantai:state:{VENUE}"
        for symbol in SYMBOLS:
            pipeline.hset(f"{state}:quotes", symbol, wire.encode(quote))
            pipeline.hset(f"{state}:symbol:{symbol}", "book", wire.encode(book))
        pipeline.hset(f"{state}:feed", "feed", wire.encode(report))
        await pipeline.execute()

    async def forever(self):
        while True:
            await self.tell()
            await asyncio.sleep(1)

    async def moves(self, price):
        self.price = D(price)
        await self.tell()


class Shaky:
    """A gateway whose ways fail as told; everything else is the real one's.

    ``faults`` by client id's account: lose_answer (done, nobody hears), lose_request
    (never arrives), refuse, busy. ``placed`` counts what was sent.
    """

    def __init__(self, inner):
        self.inner = inner
        self.account = inner.account
        self.placed = Counter()
        self.fault = ""
        self.latency = 0.0
        self.mute = False
        self.double = False
        self.broken = False
        self.executed = 0

    def __getattr__(self, name):
        return getattr(self.inner, name)

    async def place(self, order):
        self.placed[order.client_id] += 1
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.fault == "lose_request":
            return Outcome("unknown", code=-1007, message="Timeout")
        if self.fault == "refuse":
            return Outcome("refused", code=-2019, message="Margin is insufficient.")
        if self.fault == "busy":
            return Outcome("not_sent", code=-1008, message="overloaded")
        outcome = await self.inner.place(order)
        self.executed += 1
        if self.fault == "lose_answer":
            return Outcome("unknown", code=-1007, message="Timeout")
        return outcome

    async def events(self):
        async for event in self.inner.events():
            if self.broken:
                raise RuntimeError("broken")
            if not self.mute:
                yield event
                if self.double:
                    yield event


class Rig:
    """The trader, its accounts by name, and somebody who asks."""

    def __init__(self, folder, redis):
        self.folder = folder
        self.redis = redis
        self.market = Market(redis)
        self.gateways = defaultdict(list)
        self.trader = None
        self._tasks = []

    async def make(self, account):
        async def rules(symbol):
            return await sync_to_async(_rules)(symbol)

        clock = SystemClock()
        market = SnapshotMarket(self.redis, VENUE, rules=rules, clock=clock)
        inner = PaperGateway(
            account.name,
            folder=self.folder / "paper" / account.name,
            market=market,
            starting_balance=account.starting_balance,
            costs=COSTS,
        )
        made = Shaky(inner)
        self.gateways[account.name].append(made)
        return made

    def gateway(self, name):
        return self.gateways[name][-1]

    def start(self):
        self.trader = Trader(
            VENUE, self.make, folder=self.folder / "journal", clock=SystemClock()
        )
        task = asyncio.create_task(self.trader.run())
        self._tasks.append(task)
        return task

    async def stop(self, task):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def opened(self, count):
        await until(lambda: self.session and self._ready() >= count, 15)

    def _ready(self):
        return sum(desk.ready for desk in self.session.desks.open.values())

    @property
    def session(self):
        return self.trader.session

    async def submit(self, payload, **more):
        return await sync_to_async(intents.intent_submit)(
            **{"payload": payload, "actor": "alice"} | more
        )

    async def ask(self, payload, seconds=10, **more):
        """Ask, wait; returns (state, answer)."""
        intent = await self.submit(payload, **more)
        ended = await intents.intent_wait_async(intent.id, seconds)
        return ended.state, parse_result(ended.result)

    async def rows(self, model, **where):
        return await sync_to_async(
            lambda: list(model.objects.filter(**where).order_by("id"))
        )()


@sync_to_async
def plant(names):
    """Everything that a trader finds in the database."""
    for symbol in SYMBOLS:
        Instrument.objects.create(
            venue=VENUE, symbol=symbol, base=symbol[:3], quote="USDT", status="TRADING",
            tick_size="0.1", step_size="0.001", min_notional="5",
        )  # fmt: skip
    alice = User.objects.create(username="alice")
    alice.groups.add(Group.objects.get_or_create(name="trader")[0])
    User.objects.create(username="victor")
    for name in names:
        ExchangeAccount.objects.create(
            venue=VENUE,
            name=name,
            mode="paper",
            created_at=1,
            starting_balance=D(10_000),
        )


def _rules(symbol):
    row = Instrument.objects.filter(symbol=symbol).first()
    if row is None:
        return None
    return SymbolRules(
        symbol, tick=D(row.tick_size), step=D(row.step_size), min_notional=D(5)
    )


@asynccontextmanager
async def trading(folder, names=("a", "b"), *, start=True):
    """A rig with paper accounts, all open for trading when ``start``."""
    await plant(names)
    redis = core_redis.client()
    rig = Rig(folder, redis)
    await rig.market.tell()
    telling = asyncio.create_task(rig.market.forever())
    try:
        if start:
            rig.start()
            await rig.opened(len(names))
        yield rig
    finally:
        for task in [*rig._tasks, telling]:
            task.cancel()
        await asyncio.gather(*rig._tasks, telling, return_exceptions=True)
        await redis.aclose()


@sync_to_async
def last_intent():
    return Intent.objects.first()
