"""The beat of the exchange: every 50 ms one step of the market and its frames."""

import asyncio
import logging
from typing import Protocol

from market.simulator.accounts.side import AccountSide
from market.simulator.depths import Depths
from market.simulator.emitters import BookTickers, Klines, Trades
from market.simulator.exchange import Exchange
from market.simulator.hub import Hub
from market.simulator.intervals import NAMES
from market.simulator.payloads import Payloads
from market.simulator.streams import Kind
from market.simulator.summaries import Summaries

logger = logging.getLogger(__name__)


class Emitter(Protocol):
    def emit(self) -> None: ...


class Engine:
    """Steps the exchange with its clock and lets the emitters speak."""

    def __init__(self, exchange: Exchange, hub: Hub, accounts: AccountSide) -> None:
        self.exchange = exchange
        self.hub = hub
        self.accounts = accounts
        self.payloads = Payloads(exchange.settings.generation, exchange.symbols)
        parts = (exchange, hub, self.payloads)
        self._emitters: list[Emitter] = [
            Trades(*parts, Kind.TRADE),
            Trades(*parts, Kind.AGG_TRADE),
            BookTickers(*parts),
            *(Klines(*parts, interval) for interval in NAMES),
            Depths(*parts),
            Summaries(*parts),
        ]
        slots_per_minute = max(1, 60_000 // exchange.slot_ms)
        self._prefetch = -(-len(exchange.symbols) * 2 // slots_per_minute)

    async def run(self) -> None:
        """Beat until cancelled."""
        exchange = self.exchange
        while True:
            slot = exchange.clock.market_ms() // exchange.slot_ms
            if slot > exchange.slot:
                self.tick(slot)
            wait = exchange.clock.seconds_until((exchange.slot + 1) * exchange.slot_ms)
            await asyncio.sleep(max(wait, 0.0))

    def tick(self, slot: int) -> None:
        """One step; an error in one kind of stream does not silence the others."""
        self.exchange.step(slot)
        for emitter in self._emitters:
            try:
                emitter.emit()
            except Exception:
                logger.exception("simulator stream failed: %s", type(emitter).__name__)
        self.hub.flush()
        try:
            self.accounts.step()
        except Exception:
            logger.exception("simulator accounts failed")
        self.exchange.live.prefetch(self._prefetch)
