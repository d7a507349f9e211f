"""A simulator without sockets: own clock, frames collected in memory."""

import asyncio
import json

from market.simulator.accounts.side import AccountSide
from market.simulator.clock import SimClock
from market.simulator.config import SimulatorSettings
from market.simulator.engine import Engine
from market.simulator.exchange import Exchange
from market.simulator.hub import Hub

# 2026-11-20 12:00:00 UTC
START_MS = 1_795_176_000_000


class MemoryTransport(asyncio.Transport):
    """Collects what is written. ``pending`` pretends a reader that lags behind."""

    def __init__(self):
        super().__init__()
        self.written = bytearray()
        self.pending = 0
        self.aborted = False
        self.closed = False

    def write(self, data):
        self.written += data

    def get_write_buffer_size(self):
        return self.pending

    def is_closing(self):
        return self.aborted or self.closed

    def abort(self):
        self.aborted = True

    def close(self):
        self.closed = True

    def messages(self):
        """JSON of all text frames so far."""
        found, data, at = [], bytes(self.written), 0
        while at < len(data):
            opcode, length = data[at] & 15, data[at + 1]
            at += 2
            if length == 126:
                length = int.from_bytes(data[at : at + 2], "big")
                at += 2
            elif length == 127:
                length = int.from_bytes(data[at : at + 8], "big")
                at += 8
            if opcode == 1:
                found.append(json.loads(data[at : at + length]))
            at += length
        return found


class Stage:
    """An exchange, its hub and engine; time moves only when told."""

    def __init__(self, start_ms=START_MS, state_dir=None, **settings):
        self.settings = SimulatorSettings(**{"symbols": 5, **settings})
        self.real_ms = start_ms
        clock = SimClock(speed=self.settings.speed, real=lambda: self.real_ms)
        self.exchange = Exchange(self.settings, clock, state_dir)
        ranks = {symbol.name: symbol.rank for symbol in self.exchange.symbols}
        self.hub = Hub(ranks, buffer_limit=self.settings.write_buffer_bytes)
        accounts = AccountSide(self.exchange, self.hub)
        self.engine = Engine(self.exchange, self.hub, accounts)

    def connect(self, *names, route=None, combined=True):
        connection = self.hub.open(
            route, MemoryTransport(), combined=combined, opened_at=0.0
        )
        self.hub.subscribe(connection, names)
        return connection

    def run(self, seconds):
        """Let real seconds pass, slot by slot."""
        for _ in range(int(seconds * 20)):
            self.real_ms += 50
            self.engine.tick(self.exchange.clock.market_ms() // self.exchange.slot_ms)


def frames(connection, stream=None):
    """Payloads of a combined connection, of one stream when it is named."""
    return [
        message["data"]
        for message in connection.transport.messages()
        if stream is None or message["stream"] == stream
    ]
