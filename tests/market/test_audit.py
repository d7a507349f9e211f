"""The audit against a real exchange simulator and a real database."""

import msgspec
import pytest

from market import selectors, services
from market.audit import SERIES_AT_ONCE, Audit
from market.binance.rest import BinanceRestClient
from market.binance.rest_schemas import parse_klines
from market.binance.urls import endpoints
from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator

PAIR = ("BTCUSDT", "15m")


@pytest.fixture
async def exchange(tmp_path):
    settings = SimulatorSettings(symbols=5)
    async with running_simulator(settings, tmp_path) as simulator:
        where = endpoints("simulator", simulator.base_url)
        rest = BinanceRestClient(where, ca_file=str(simulator.ca_path))
        await rest.initialize()
        yield rest
        await rest.aclose()


async def bars_of(rest, pair):
    raw = await rest.klines(*pair, limit=99)
    now = rest.server_now_ms()
    bars = parse_klines(raw, symbol=pair[0], interval=pair[1], now_ms=now)
    return [bar for bar in bars if bar.closed]


class Shelf:
    """Stored bars by pair, as the database gives them."""

    def __init__(self):
        self.rows = {}
        self.reads = []

    def keep(self, bars):
        for bar in bars:
            row = (
                bar.open,
                bar.high,
                bar.low,
                bar.close,
                bar.volume,
                float(bar.trades),
            )
            self.rows.setdefault((bar.symbol, bar.interval), {})[bar.open_time] = row

    async def read(self, pair, since):
        self.reads.append(pair)
        rows = self.rows.get(pair, {})
        return {at: row for at, row in rows.items() if at >= since}

    async def store(self, bars):
        self.keep(bars)
        return len(bars)


async def test_equal_bars_are_left_alone(exchange):
    shelf = Shelf()
    shelf.keep(await bars_of(exchange, PAIR))
    audit = Audit(exchange, shelf.read, shelf.store)
    assert await audit.step([PAIR], exchange.server_now_ms()) == 0
    assert (audit.series, audit.repaired) == (1, 0)
    assert audit.bars >= 97


async def test_a_wrong_value_is_replaced_by_the_exchanges(exchange):
    shelf = Shelf()
    bars = await bars_of(exchange, PAIR)
    shelf.keep(bars)
    right = dict(shelf.rows[PAIR])
    wrong = msgspec.structs.replace(bars[50], close=bars[50].close + 1, high=1e9)
    shelf.keep([wrong])
    audit = Audit(exchange, shelf.read, shelf.store)
    assert await audit.step([PAIR], exchange.server_now_ms()) == 1
    assert shelf.rows[PAIR] == right
    assert await audit.step([PAIR], exchange.server_now_ms()) == 0


async def test_bars_that_are_not_stored_are_left_to_the_ledger(exchange):
    shelf = Shelf()
    bars = await bars_of(exchange, PAIR)
    shelf.keep(bars[:40])
    audit = Audit(exchange, shelf.read, shelf.store)
    assert await audit.step([PAIR], exchange.server_now_ms()) == 0
    assert len(shelf.rows[PAIR]) == 40


async def test_every_series_has_its_turn(exchange):
    shelf = Shelf()
    symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"]
    pairs = [(symbol, each) for symbol in symbols for each in ("15m", "1h")]
    audit = Audit(exchange, shelf.read, shelf.store)
    while len(shelf.reads) < 2 * len(pairs):
        before = len(shelf.reads)
        await audit.step(pairs, exchange.server_now_ms())
        assert 0 < len(shelf.reads) - before <= SERIES_AT_ONCE
    assert sorted(shelf.reads[: len(pairs)]) == sorted(pairs)


@pytest.mark.django_db
def test_stored_values_come_back_as_the_audit_compares_them():
    from market.audit import values
    from market.domain.types import Candle

    candle = Candle(
        "BTCUSDT", "15m", 900_000, 1_799_999, 1.0, 4.0, 0.5, 2.0, 10.0, 20.0, 7, 5.0,
        9.0, True, 1_800_000,
    )  # fmt: skip
    services.CandleStore("simulator").store([candle])
    found = selectors.bar_values(
        venue="simulator", symbol="BTCUSDT", interval="15m", since=0
    )
    assert found == {900_000: values(candle)}
