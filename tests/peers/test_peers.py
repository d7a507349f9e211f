"""python-binance and ccxt work with the simulator, only their URLs and CA changed."""

import itertools

import pytest

from market.simulator.candles import kline_rows

pytestmark = pytest.mark.peers


async def closed_rows(simulator, first, count):
    """The closed 15 min bars that the simulator itself knows."""
    symbol = simulator.exchange.by_name["BTCUSDT"]
    return await kline_rows(simulator.exchange, symbol, "15m", (first, None), count)


def assert_is_a_book(book, depth=5):
    bids = [float(row[0]) for row in book["bids"][:depth]]
    asks = [float(row[0]) for row in book["asks"][:depth]]
    assert len(bids) == len(asks) == depth
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


@pytest.fixture
async def python_binance(run_peer):
    return await run_peer("python_binance_peer.py")


@pytest.fixture
async def ccxt(run_peer, simulator):
    return await run_peer("ccxt_peer.py", str(simulator.ca_path))


async def test_python_binance_reads_and_streams(python_binance, simulator):
    got = python_binance
    names = {symbol.name for symbol in simulator.exchange.symbols}
    assert names < set(got["symbols"])
    rows = got["klines"]
    assert len(rows) == 300
    assert rows[:299] == (await closed_rows(simulator, rows[0][0], 299))
    assert_is_a_book(got["depth"])
    ids = [trade["id"] for trade in got["trades"]]
    assert ids == list(range(ids[0], ids[0] + 50))
    assert got["agg_trades"][-1]["a"] >= ids[0]
    assert got["tickers"] == 20
    assert float(got["mark"]["markPrice"]) == pytest.approx(
        float(got["book_ticker"]["bidPrice"]), rel=0.02
    )
    assert len(got["funding"]) == 3

    assert {frame["stream"] for frame in got["ws_klines"]} <= {
        "btcusdt@kline_1m",
        "ethusdt@kline_1m",
    }
    assert got["ws_kline"][0]["k"]["i"] == "1m"
    quote = got["ws_book_ticker"][0]
    assert float(quote.get("data", quote)["b"]) > 0
    trades = [frame.get("data", frame) for frame in got["ws_trades"]]
    assert trades[1]["a"] == trades[0]["a"] + 1
    marks = got["ws_marks"][0]
    assert {entry["s"] for entry in marks.get("data", marks)} >= names
    depths = [frame.get("data", frame) for frame in got["ws_depth"]]
    assert all(b["pu"] == a["u"] for a, b in itertools.pairwise(depths))
    assert_is_a_book(got["book"])

    orders = got["orders"]
    assert orders["states"] == ["NEW", "NEW", "CANCELED"]
    assert orders["algo"][1] == [orders["algo"][0]]
    assert sorted(orders["events"]) == [
        "ACCOUNT_UPDATE",
        "ORDER_TRADE_UPDATE",
        "ORDER_TRADE_UPDATE",
        "TRADE_LITE",
    ]
    assert float(orders["position"]["positionAmt"]) == 0.01
    assert 9_990 < float(orders["balance"]) < 10_000
    assert orders["trades"] >= 1


async def test_ccxt_reads_and_streams(ccxt, simulator):
    got = ccxt
    names = {symbol.name for symbol in simulator.exchange.symbols}
    assert names < set(got["markets"])
    assert not {"FTTUSDT", "NEXTUSDT"} & set(got["markets"])
    rows = got["ohlcv"]
    known = await closed_rows(simulator, rows[0][0], 299)
    assert [[row[0], *map(float, row[1:6])] for row in known] == rows[:299]
    assert_is_a_book(got["depth"])
    assert got["trades"] == 50
    assert got["ticker"]["symbol"] == "BTC/USDT:USDT"
    assert got["funding"]["nextFundingTimestamp"] or got["funding"]["fundingTimestamp"]
    assert abs(got["time"] - simulator.exchange.clock.market_ms()) < 60_000

    assert len(got["ws_ohlcv"]) == 2
    assert got["ws_trades"][-1]["amount"] > 0
    assert got["ws_ticker"]["last"] > 0
    assert got["ws_bids_asks"]["BTC/USDT:USDT"]["bid"] > 0
    assert_is_a_book(got["ws_book"])

    orders = got["orders"]
    assert orders["states"] == ["open", "open", "canceled"]
    assert orders["filled"] == orders["position"] == 0.02
    assert 9_990 < orders["balance"] < 10_000
    assert orders["trades"] >= 1
