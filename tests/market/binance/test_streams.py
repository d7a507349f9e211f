"""Names of streams: kind, route, symbol, interval, and how names are built."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.binance import streams
from market.binance.streams import (
    INTERVALS,
    Route,
    StreamKind,
    kline_stream,
    route,
    stream_interval,
    stream_kind,
    stream_symbol,
)

KINDS = [
    ("btcusdt@aggTrade", StreamKind.AGG_TRADE, Route.MARKET),
    ("btcusdt@trade", StreamKind.TRADE, Route.PUBLIC),
    ("btcusdt@bookTicker", StreamKind.BOOK_TICKER, Route.PUBLIC),
    ("!bookTicker", StreamKind.BOOK_TICKER_ALL, Route.PUBLIC),
    ("btcusdt@depth", StreamKind.DEPTH_DIFF, Route.PUBLIC),
    ("btcusdt@depth@0ms", StreamKind.DEPTH_DIFF, Route.PUBLIC),
    ("btcusdt@depth20@100ms", StreamKind.DEPTH_PARTIAL, Route.PUBLIC),
    ("btcusdt@depth5", StreamKind.DEPTH_PARTIAL, Route.PUBLIC),
    ("btcusdt@rpiDepth@500ms", StreamKind.DEPTH_RPI, Route.PUBLIC),
    ("btcusdt@kline_15m", StreamKind.KLINE, Route.MARKET),
    ("btcusdt@kline_1M", StreamKind.KLINE, Route.MARKET),
    (
        "btcusdt_perpetual@continuousKline_1h",
        StreamKind.CONTINUOUS_KLINE,
        Route.MARKET,
    ),
    ("btcusdt@markPrice", StreamKind.MARK_PRICE, Route.MARKET),
    ("btcusdt@markPrice@1s", StreamKind.MARK_PRICE, Route.MARKET),
    ("!markPrice@arr@1s", StreamKind.MARK_PRICE_ALL, Route.MARKET),
    ("btcusdt@miniTicker", StreamKind.MINI_TICKER, Route.MARKET),
    ("!miniTicker@arr", StreamKind.MINI_TICKER_ALL, Route.MARKET),
    ("btcusdt@ticker", StreamKind.TICKER, Route.MARKET),
    ("!ticker@arr", StreamKind.TICKER_ALL, Route.MARKET),
    ("btcusdt@forceOrder", StreamKind.FORCE_ORDER, Route.MARKET),
    ("!forceOrder@arr", StreamKind.FORCE_ORDER_ALL, Route.MARKET),
    ("!contractInfo", StreamKind.CONTRACT_INFO, Route.MARKET),
    ("defiusdt@compositeIndex", StreamKind.COMPOSITE_INDEX, Route.MARKET),
    ("!assetIndex@arr", StreamKind.ASSET_INDEX_ALL, Route.MARKET),
    ("adausd@assetIndex", StreamKind.ASSET_INDEX, Route.MARKET),
    ("tradingSession", StreamKind.TRADING_SESSION, Route.MARKET),
    ("a1B2" * 16, StreamKind.USER_DATA, Route.PRIVATE),
]


@pytest.mark.parametrize(("name", "kind", "path"), KINDS)
def test_each_stream_has_its_kind_and_route(name, kind, path):
    assert stream_kind(name) is kind
    assert route(kind) == path


def test_upper_case_names_of_recordings_are_recognised():
    assert stream_kind("BTCUSDT@bookTicker") is StreamKind.BOOK_TICKER
    assert stream_kind("BTCUSDT@BOOKTICKER") is StreamKind.BOOK_TICKER
    assert stream_kind("!MINITICKER@ARR") is StreamKind.MINI_TICKER_ALL


@pytest.mark.parametrize(
    "name",
    ["", "@", "btcusdt", "btcusdt@kline_7m", "btcusdt@depth7", "a/b@trade", "!x"],
)
def test_other_names_are_unknown_and_have_no_route(name):
    assert stream_kind(name) is StreamKind.UNKNOWN
    with pytest.raises(ValueError, match="cannot be subscribed"):
        route(stream_kind(name))


@given(st.text())
def test_no_name_raises(name):
    stream_kind(name)
    stream_symbol(name)
    stream_interval(name)


def test_symbol_and_interval_are_read_from_the_name():
    assert stream_symbol("btcusdt@kline_1M") == "BTCUSDT"
    assert stream_interval("btcusdt@kline_1M") == "1M"
    assert stream_interval("btcusdt@kline_1m") == "1m"
    assert stream_symbol("btcusdt_perpetual@continuousKline_1h") == "BTCUSDT"
    assert stream_symbol("btcusdt_260925@aggTrade") == "BTCUSDT_260925"
    assert stream_symbol("币安人生usdt@trade") == "币安人生USDT"
    assert stream_symbol("!ticker@arr") is None
    assert stream_interval("btcusdt@trade") is None


@given(st.sampled_from(["BTCUSDT", "1000PEPEUSDT"]), st.sampled_from(INTERVALS))
def test_a_built_kline_name_reads_back(symbol, interval):
    name = kline_stream(symbol, interval)
    assert name.partition("@")[0].islower()
    assert (stream_symbol(name), stream_interval(name)) == (symbol, interval)


def test_builders_write_lower_case_names_of_their_kind():
    assert streams.book_ticker_stream("BTCUSDT") == "btcusdt@bookTicker"
    assert streams.agg_trade_stream("BTCUSDT") == "btcusdt@aggTrade"
    assert streams.trade_stream("BTCUSDT") == "btcusdt@trade"
    assert streams.depth_stream("BTCUSDT") == "btcusdt@depth@100ms"
    assert streams.depth_stream("BTCUSDT", speed="") == "btcusdt@depth"
    assert streams.partial_depth_stream("BTCUSDT") == "btcusdt@depth20@100ms"
    assert streams.mark_price_stream("BTCUSDT") == "btcusdt@markPrice@1s"
    assert streams.mark_price_all_stream() == "!markPrice@arr@1s"
    assert streams.mark_price_all_stream(every_second=False) == "!markPrice@arr"
    assert streams.mini_ticker_stream("BTCUSDT") == "btcusdt@miniTicker"
    assert streams.ticker_stream("BTCUSDT") == "btcusdt@ticker"
    assert streams.force_order_stream("BTCUSDT") == "btcusdt@forceOrder"
    assert (
        streams.continuous_kline_stream("BTCUSDT", "PERPETUAL", "1h")
        == "btcusdt_perpetual@continuousKline_1h"
    )


@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (lambda: kline_stream("BTCUSDT", "7m"), "'7m' is not one of 1m"),
        (lambda: kline_stream("BTC/USDT", "1m"), "'BTC/USDT' cannot be part"),
        (lambda: kline_stream("", "1m"), "'' cannot be part"),
        (lambda: streams.partial_depth_stream("B", levels=7), "5, 10 or 20, not 7"),
        (lambda: streams.depth_stream("B", speed="1s"), "depth speed '1s'"),
        (
            lambda: streams.continuous_kline_stream("B", "FOREVER", "1m"),
            "contract type 'FOREVER'",
        ),
    ],
)
def test_a_wrong_part_is_refused_and_named(build, complaint):
    with pytest.raises(ValueError, match=complaint):
        build()
