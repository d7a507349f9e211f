"""Bodies of REST market data become values, or say why not."""

import gzip
import json
from decimal import Decimal

import pytest

from market.binance import rest_schemas as rest
from market.binance.rest_schemas import BadBody
from market.domain.types import (
    BookSnapshot,
    Funding,
    LastPrice,
    Mark,
    OpenInterest,
    Quote,
    RateLimit,
    Ticker,
    Trade,
)
from tests.payloads import CAPTURES, needs_captures

ROW = [
    1750118400000, "2", "4", "1", "3", "10", 1750204799999, "30", 5, "6", "18", "0",
]  # fmt: skip


def body(value):
    return json.dumps(value).encode()


def klines(rows, now_ms):
    return rest.parse_klines(body(rows), symbol="BTCUSDT", interval="1d", now_ms=now_ms)


def test_a_bar_is_closed_when_its_time_is_over():
    (closed,) = klines([ROW], now_ms=1750204800000)
    assert (closed.open, closed.high, closed.low, closed.close) == (2, 4, 1, 3)
    assert (closed.volume, closed.quote_volume, closed.trades) == (10, 30, 5)
    assert (closed.taker_base, closed.taker_quote) == (6, 18)
    assert closed.closed
    assert closed.event_time == closed.close_time
    (live,) = klines([ROW], now_ms=1750204799999)
    assert not live.closed
    assert live.event_time == 1750204799999


@pytest.mark.parametrize(
    "row", [ROW[:5], [*ROW[:2], "0.5", *ROW[3:]], [*ROW[:1], "nan", *ROW[2:]], {}]
)
def test_a_bad_bar_makes_the_body_bad(row):
    bad = klines([ROW, row], now_ms=0)
    assert isinstance(bad, BadBody)
    assert bad.reason
    assert bad.sample


def test_html_and_error_bodies_are_bad_bodies():
    for raw in (b"<html>403</html>", b'{"code":-1121,"msg":"Invalid symbol."}', b""):
        assert isinstance(rest.parse_depth(raw, symbol="B"), BadBody)
        assert isinstance(rest.parse_exchange_info(raw), BadBody)
        assert isinstance(rest.parse_time(raw), BadBody)


def test_books_and_trades():
    depth = body({"lastUpdateId": 5, "E": 2, "T": 1, "bids": [["1", "2"]], "asks": []})
    assert rest.parse_depth(depth, symbol="B") == BookSnapshot(
        "B", 5, ((1.0, 2.0),), (), 1
    )
    agg = {"a": 1, "p": "2", "q": "3", "nq": "3", "f": 4, "l": 5, "T": 6, "m": True}
    assert rest.parse_agg_trades(body([agg]), symbol="B") == (
        Trade("B", 1, 4, 5, 2.0, 3.0, True, 6, 6, True),
    )
    single = {
        "id": 1, "price": "2", "qty": "3", "quoteQty": "6", "time": 7,
        "isBuyerMaker": False,
    }  # fmt: skip
    assert rest.parse_trades(body([single]), symbol="B") == (
        Trade("B", 1, 1, 1, 2.0, 3.0, False, 7, 7, False),
    )


def test_one_symbol_or_all_without_those_that_have_no_market():
    mark = {
        "symbol": "B", "markPrice": "2", "indexPrice": "3", "lastFundingRate": "",
        "nextFundingTime": 0, "time": 5,
    }  # fmt: skip
    assert rest.parse_premium_index(body(mark)) == (Mark("B", 2.0, 3.0, 0.0, 0, 5),)
    dead = mark | {"symbol": "D", "markPrice": "0.0"}
    assert len(rest.parse_premium_index(body([mark, dead]))) == 1

    price = {"symbol": "B", "price": "2", "time": 5}
    assert rest.parse_prices(body([price, price | {"price": "0"}])) == (
        LastPrice("B", 2.0, 5),
    )
    quote = {
        "symbol": "B", "bidPrice": "1", "bidQty": "2", "askPrice": "3", "askQty": "4",
        "time": 5,
    }  # fmt: skip
    empty = quote | {"bidPrice": "0"}
    assert rest.parse_book_tickers(body([quote, empty])) == (
        Quote("B", 1.0, 2.0, 3.0, 4.0, 0, 5, 5),
    )
    day = {
        "symbol": "B", "priceChangePercent": "-1.5", "lastPrice": "2",
        "openPrice": "2.1", "highPrice": "3", "lowPrice": "1", "volume": "10",
        "quoteVolume": "20", "closeTime": 5,
    }  # fmt: skip
    never = day | {"lastPrice": "0", "highPrice": "0", "lowPrice": "0"}
    assert rest.parse_day_tickers(body([day, never])) == (
        Ticker("B", 2.0, 2.1, 3.0, 1.0, 10.0, 20.0, -1.5, 5),
    )


def test_funding_open_interest_and_time():
    rows = [
        {"symbol": "B", "fundingRate": "-0.0001", "fundingTime": 5, "markPrice": ""}
    ]
    assert rest.parse_funding_rates(body(rows)) == (Funding("B", -0.0001, 5, 0.0),)
    interest = {"symbol": "B", "openInterest": "7", "time": 5}
    assert rest.parse_open_interest(body(interest)) == OpenInterest("B", 7.0, 5)
    assert rest.parse_time(b'{"serverTime":5}') == 5


def test_an_entry_that_is_not_understood_does_not_hide_the_others():
    good = {
        "symbol": "B", "status": "TRADING", "baseAsset": "B", "quoteAsset": "U",
        "filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.10", "maxPrice": None}],
    }  # fmt: skip
    endless = [{"filterType": "PRICE_FILTER", "tickSize": "NaN"}]
    limit = {
        "rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300
    }  # fmt: skip
    info = rest.parse_exchange_info(
        body(
            {
                "serverTime": 5,
                "rateLimits": [limit | {"interval": "WEEK"}, limit],
                "symbols": [good | {"filters": endless}, {"symbol": "C"}, good],
            }
        )
    )
    (instrument,) = info.instruments
    assert (instrument.symbol, instrument.tick_size) == ("B", Decimal("0.10"))
    assert str(instrument.tick_size) == "0.10"
    assert info.rate_limits == (RateLimit("ORDERS", 10, 300),)
    assert len(info.rejected) == 3
    assert "'WEEK' is not known" in info.rejected[0]


@needs_captures
def test_the_futures_instruments_of_2026_with_their_exact_rules():
    path = CAPTURES / "exchange-info" / "usdm_demo_exchangeInfo_20260331.json.gz"
    info = rest.parse_exchange_info(gzip.decompress(path.read_bytes()))
    assert len(info.instruments) == 705
    assert info.rejected == ()
    btc = info.instruments[0]
    assert (btc.symbol, btc.base, btc.quote) == ("BTCUSDT", "BTC", "USDT")
    assert (btc.tick_size, btc.step_size) == (Decimal("0.10"), Decimal("0.0001"))
    assert btc.min_quantity == Decimal("0.0001")
    assert btc.min_notional > 0
    assert (btc.contract_type, btc.status) == ("PERPETUAL", "TRADING")
    assert (btc.onboard_time, btc.delivery_time) == (1569398400000, 4133404802000)
    assert RateLimit("REQUEST_WEIGHT", 60, 6000) in info.rate_limits
    assert RateLimit("ORDERS", 10, 300) in info.rate_limits
    statuses = [instrument.status for instrument in info.instruments]
    assert statuses.count("TRADING") == 590
    assert statuses.count("SETTLING") == 53


@needs_captures
def test_the_spot_instruments_of_2024_and_the_futures_of_2021():
    path = CAPTURES / "exchange-info" / "spot_exchangeInfo_20240908.json.gz"
    info = rest.parse_exchange_info(gzip.decompress(path.read_bytes()))
    assert len(info.instruments) == 1248
    assert info.rejected == ()
    eth = info.instruments[0]
    assert (eth.symbol, eth.contract_type, eth.pair) == ("ETHBTC", "SPOT", "ETHBTC")
    assert eth.min_notional > 0
    assert (eth.onboard_time, eth.delivery_time) == (0, 0)

    line = (CAPTURES / "cryptofeed" / "BINANCE_FUTURES.0").read_bytes().splitlines()[0]
    old = rest.parse_exchange_info(line.partition(b": ")[2])
    assert "SUSHIUSDT" in {instrument.symbol for instrument in old.instruments}


@needs_captures
def test_all_recorded_klines_and_prices_are_understood():
    path = CAPTURES / "klines-rest" / "usdm_klines_1d_june2025_by_symbol.json.gz"
    series = json.loads(gzip.decompress(path.read_bytes()))
    bars = [
        candle
        for symbol, rows in series.items()
        for candle in rest.parse_klines(
            body(rows), symbol=symbol, interval="1d", now_ms=1_800_000_000_000
        )
    ]
    assert (len(series), len(bars)) == (346, 4448)
    prices = (CAPTURES / "klines-rest" / "usdm_ticker_price_20250629.json").read_bytes()
    assert len(rest.parse_prices(prices)) == 519
