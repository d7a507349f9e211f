"""A process that asks and dials all the time: ``python -m tests.market.address_child``.

Arguments: address of the exchange, CA file, address of Redis, name. Every request and
every handshake carries the name, so that the exchange knows who came.
"""

import asyncio
import contextlib
import sys

import django

django.setup()

from redis.asyncio import Redis  # noqa: E402

from core.clock import SystemClock  # noqa: E402
from market.address_hold import AddressHold  # noqa: E402
from market.binance import tls  # noqa: E402
from market.binance.config import WsSettings  # noqa: E402
from market.binance.dial import DialBucket, DialGate  # noqa: E402
from market.binance.failures import HandshakeRefused  # noqa: E402
from market.binance.rest import BinanceRestClient, RestError  # noqa: E402
from market.binance.sockets import dialer  # noqa: E402
from market.binance.urls import endpoints  # noqa: E402
from market.budget import SharedWeightBudget  # noqa: E402
from market.dials import SharedDialBucket  # noqa: E402

PAUSE = 0.05


class Deaf:
    def on_read(self):
        pass

    def on_message(self, raw):
        """Nothing is subscribed."""

    def on_pong(self, payload):
        """Nothing is asked."""


async def ask(rest, name):
    while True:
        with contextlib.suppress(RestError):
            await rest.get("/fapi/v1/ping", weight=1, who=name)
        await asyncio.sleep(PAUSE)


async def dial(gate, where, context, name):
    open_one = dialer("picows")
    config = WsSettings()
    while True:
        with contextlib.suppress(HandshakeRefused, OSError):
            async with gate.turn(name):
                url = f"{where.stream}/market/stream?who={name}"
                socket = await open_one(url, Deaf(), config, context)
            await socket.close()
        await asyncio.sleep(PAUSE)


async def main(url, ca_file, redis_url, name):
    redis, clock = Redis.from_url(redis_url), SystemClock()
    where = endpoints("simulator", url)
    address = AddressHold(redis, "simulator", clock=clock)
    budget = SharedWeightBudget(address, "simulator")
    # No patience: during a hold every question is an error at once, and asked again.
    rest = BinanceRestClient(where, ca_file=ca_file, budget=budget, patience=0.0)
    dials = SharedDialBucket(
        redis,
        "simulator",
        limit=10_000,
        window_seconds=60,
        clock=clock,
        fallback=DialBucket(10_000, 60, clock),
        address=address,
    )
    await asyncio.gather(
        ask(rest, name), dial(DialGate(dials, 4), where, tls.context(ca_file), name)
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
