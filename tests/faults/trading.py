"""An account's gateway at work against the simulator, and all that it was told."""

import asyncio
import contextlib
import random
from decimal import Decimal

from accounts.domain.exchange import FillNews, NewOrder, OrderNews, StreamNews
from accounts.gateways.binance import BinanceGateway
from core.clock import SystemClock
from market.binance.config import WsSettings
from market.binance.dial import DialBucket, DialGate
from market.binance.private_rest import PrivateRest
from market.binance.rest import BinanceRestClient
from market.binance.signed import SignedCaller
from market.binance.signing import signer_for
from market.binance.urls import endpoints
from market.binance.user_stream import KeyCare, PrivateHall
from market.simulator.faults.fault import Fault


class Trading:
    """``news`` is what events told; ``reports`` what the connection reported."""

    def __init__(self, simulator, secret=""):
        self.simulator, self.news, self.reports = simulator, [], []
        self.symbol = simulator.exchange.symbols[0].name
        self.account = simulator.accounts.open(
            name="main", balance=Decimal(100_000), secret=secret
        )

    def arm(self, kind, **options):
        return self.simulator.faults.arm(Fault(kind=kind, **options))

    def of(self, kind):
        return [one for one in self.news if isinstance(one, kind)]

    @property
    def ups(self):
        return [one for one in self.of(StreamNews) if one.up]

    @property
    def downs(self):
        return [one for one in self.of(StreamNews) if not one.up]

    def states(self, client_id):
        return [o.status for o in self.of(OrderNews) if o.ref.client_id == client_id]

    def fills(self, client_id):
        return {f.trade_id for f in self.of(FillNews) if f.client_id == client_id}

    def market(self, client_id, side="BUY", quantity="0.01"):
        return NewOrder(client_id, self.symbol, side, "MARKET", Decimal(quantity))

    def limit(self, client_id, price, quantity="1"):
        return NewOrder(
            client_id, self.symbol, "BUY", "LIMIT", Decimal(quantity), price
        )

    def below(self, share):
        """A price on the grid at this share of the mark."""
        view = self.simulator.accounts.view
        tick = view.terms(self.symbol).tick
        return view.mark(self.symbol) * Decimal(share) // tick * tick

    @property
    def exchange_orders(self):
        """What the exchange itself has of our orders."""
        return list(self.account.orders.values())

    async def listen(self):
        async for one in self.gateway.events():
            self.news.append(one)


@contextlib.asynccontextmanager
async def trading(simulator, *, quiet=60.0, order_seconds=10.0, keys=("", "")):
    """``keys``: what the exchange knows and what we sign with, else an HMAC secret."""
    at_work = Trading(simulator, keys[0])
    clock = SystemClock()
    where = endpoints("simulator", simulator.base_url)
    ca_file = str(simulator.ca_path)
    rest = BinanceRestClient(where, ca_file=ca_file)
    ws = WsSettings(
        ca_file=ca_file, reconnect_initial_delay=0.1, reconnect_jitter=0,
        close_timeout=0.3,
    )  # fmt: skip
    hall = PrivateHall(
        where=where,
        config=ws,
        gate=DialGate(DialBucket(290, 300, clock), 8),
        clock=clock,
        rng=random.Random(1),
        care=KeyCare(quiet=quiet),
    )
    signer = signer_for(keys[1] or at_work.account.secret)
    caller = SignedCaller(
        rest, api_key=at_work.account.key, signer=signer, order_seconds=order_seconds
    )
    at_work.gateway = BinanceGateway(
        "main",
        PrivateRest(caller),
        hall,
        connection="trader.private-1",
        report=at_work.reports.append,
    )
    listening = asyncio.create_task(at_work.listen())
    await at_work.gateway.start()
    try:
        yield at_work
    finally:
        await at_work.gateway.close()
        await listening
        await rest.aclose()
