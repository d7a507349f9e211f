"""A trader at work on accounts of a running simulated exchange, over its real gateways."""

import asyncio
import time
from contextlib import asynccontextmanager
from decimal import Decimal

from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from pydantic import SecretStr

from accounts import account_services, keys
from accounts.gateways.build import Gateways
from accounts.models import User
from accounts.trader_process import Maker
from core import redis as core_redis
from core import wire
from market.binance.config import WsSettings
from market.models import Instrument
from market.simulator.faults.fault import Fault
from tests.accounts.trading import VENUE, Rig

SYMBOLS = ("BTCUSDT", "ETHUSDT")


class Exchange(Rig):
    """A rig whose accounts live on ``simulator``; ``truth`` is what it knows of each."""

    def __init__(self, folder, redis, simulator, gateways):
        super().__init__(folder, redis)
        self.simulator = simulator
        self.gateways_of = gateways
        self.truth = {}
        self._maker = Maker(gateways)

    async def make(self, account):
        gateway = await self._maker(account)
        self.gateways[account.name].append(gateway)
        return gateway

    def price(self, symbol="BTCUSDT"):
        return self.simulator.accounts.view.mark(symbol)

    def arm(self, **fault):
        return self.simulator.faults.arm(Fault(**fault))

    def orders(self, name):
        """What the exchange itself has: its orders of one account."""
        return list(self.truth[name].orders.values())

    def held(self, name, symbol="BTCUSDT"):
        found = self.truth[name].holdings.values()
        return sum((one.amount for one in found if one.symbol == symbol), Decimal(0))

    async def tell_prices(self):
        """Quotes as the feed writes them, from the exchange's own mark."""
        while True:
            now = self.simulator.exchange.clock.shown_ms()
            local = time.time_ns() // 1_000_000
            pipeline = self.redis.pipeline(transaction=False)
            for symbol in SYMBOLS:
                price = float(self.price(symbol))
                quote = {
                    "p": price,
                    "b": price,
                    "a": price,
                    "m": price,
                    "t": now,
                    "s": [0, 0, 0],
                }
                key = f"quantai:state:{VENUE}:quotes"
                pipeline.hset(key, symbol, wire.encode(quote))
            report = {"at": local, "exchange_time": now, "data_at": local}
            pipeline.hset(f"quantai:state:{VENUE}:feed", "feed", wire.encode(report))
            await pipeline.execute()
            await asyncio.sleep(0.5)


@sync_to_async
def plant(truth):
    keys.check_master_key()
    for symbol in SYMBOLS:
        Instrument.objects.create(
            venue=VENUE, symbol=symbol, base=symbol[:3], quote="USDT", status="TRADING",
            tick_size="0.1", step_size="0.001", min_notional="5",
        )  # fmt: skip
    alice = User.objects.create(username="alice")
    alice.groups.add(Group.objects.get_or_create(name="trader")[0])
    for name, account in truth.items():
        row = account_services.account_create(
            actor="alice", venue=VENUE, name=name, mode="exchange"
        )
        account_services.keys_set(
            row,
            actor="alice",
            api_key=SecretStr(account.key),
            api_secret=SecretStr(account.secret),
        )


@asynccontextmanager
async def trading_on(simulator, settings, folder, names=("a", "b"), *, start=True):
    """A rig with accounts of the simulator, all open for trading when ``start``."""
    site = settings.QUANTAI.site.model_copy(update={"var": folder})
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    redis = core_redis.client()
    gateways = Gateways(
        venue=VENUE,
        ws=WsSettings(reconnect_initial_delay=0.1),
        market=settings.QUANTAI.market,
        accounts=settings.QUANTAI.accounts,
        folder=folder,
        redis=redis,
    )
    rig = Exchange(folder, redis, simulator, gateways)
    rig.truth = {name: simulator.accounts.open(name=name) for name in names}
    await plant(rig.truth)
    telling = asyncio.create_task(rig.tell_prices())
    await gateways.start()
    try:
        if start:
            rig.start()
            await rig.opened(len(names))
        yield rig
    finally:
        for task in [*rig._tasks, telling]:
            task.cancel()
        await asyncio.gather(*rig._tasks, telling, return_exceptions=True)
        await gateways.close()
        await redis.aclose()
