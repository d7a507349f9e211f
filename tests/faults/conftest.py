"""The product against an exchange that misbehaves: its client alone, and the whole feed.

One second of the machine is a minute of this exchange, so that a bar closes each second.
"""

import pytest
import uvloop

from core.clock import SystemClock
from market import feed as feed_module
from market.binance.client import BinanceWebSocketClient
from market.binance.config import WsSettings
from market.binance.rest import BinanceRestClient
from market.binance.urls import endpoints
from market.feed import Feed
from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator
from tests.faults.survival import Followed, RunningFeed, Shelf, SwiftClock
from tests.market.conftest import database, layer

__all__ = ["database", "layer"]


def pytest_asyncio_loop_factories(config, item):
    """The loop that the product runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def exchange_settings():
    """Tests that need another exchange override this."""
    return {"symbols": 4, "speed": 60}


@pytest.fixture
async def simulator(tmp_path, exchange_settings):
    chosen = SimulatorSettings(**exchange_settings)
    async with running_simulator(chosen, tmp_path / "exchange") as running:
        yield running


@pytest.fixture
async def follow(simulator):
    """``await follow(*streams, swift=20, **ws)``: a client at work, its streams live."""
    started = []

    async def follow(*streams, swift=1.0, **ws):
        config = WsSettings(
            **{
                "reconnect_initial_delay": 0.1,
                "reconnect_max_delay": 0.8,
                "reconnect_jitter": 0,
                "close_timeout": 0.3,
                "ca_file": str(simulator.ca_path),
                # In time of the machine, however fast the clock.
                "ping_interval": 30 * swift,
                "pong_timeout": 10 * swift,
                **ws,
            }
        )
        followed = Followed(simulator)
        followed.client = BinanceWebSocketClient(
            streams,
            where=endpoints("simulator", simulator.base_url),
            config=config,
            deliver=followed.take,
            report=followed.events.append,
            clock=SwiftClock(swift),
        )
        started.append(followed)
        await followed.client.start_websocket()
        await followed.live()
        return followed

    yield follow
    for followed in started:
        await followed.client.stop_websocket()


@pytest.fixture
async def keep(simulator):
    """``await keep(*symbols)``: their books, live, kept by a client at work."""
    started = []

    async def keep(*symbols, clock=None, budget=None):
        clock = clock or SystemClock()
        where = endpoints("simulator", simulator.base_url)
        ca_file = str(simulator.ca_path)
        rest = BinanceRestClient(where, ca_file=ca_file, clock=clock, budget=budget)
        shelf = Shelf(simulator, rest, clock)
        shelf.client = BinanceWebSocketClient(
            shelf.streams(symbols),
            where=where,
            config=WsSettings(ca_file=ca_file, close_timeout=0.3),
            deliver=shelf.ingest.receive,
        )
        started.append(shelf)
        shelf.wanted = list(symbols)
        await shelf.client.start_websocket()
        shelf.start()
        await shelf.live()
        return shelf

    yield keep
    for shelf in started:
        await shelf.stop()
        await shelf.client.stop_websocket()


@pytest.fixture
def feed_settings():
    """Tests that need another feed override this: (market, ws)."""
    return {}, {}


@pytest.fixture
def feed_clock():
    """Tests in which minutes of silence must pass override this."""
    return SystemClock()


@pytest.fixture
async def feed(
    simulator,
    settings,
    bus,
    layer,
    database,
    monkeypatch,
    feed_settings,
    feed_clock,
):
    """The whole feed of three symbols with bars of a minute, live, one of them watched."""
    monkeypatch.setattr(feed_module, "BACKFILL_SECONDS", 0.3)
    monkeypatch.setattr(feed_module, "TRADES_SECONDS", 0.3)
    market = settings.QUANTAI.market.model_copy(
        update={
            "symbols": 3,
            "history_bars": 10,
            "intervals": ("1m",),
            "simulator_url": simulator.base_url,
            "simulator_ca": str(simulator.ca_path),
            **feed_settings[0],
        }
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"market": market})
    ws = WsSettings(
        **{"reconnect_initial_delay": 0.1, "reconnect_max_delay": 1.0}
        | feed_settings[1]
    )
    feed = Feed(venue="simulator", ws=ws, market=market, clock=feed_clock)
    running = RunningFeed(feed, simulator, bus)
    await running.live()
    await running.watch_trades()
    await running.live()
    yield running
    await running.stop()
