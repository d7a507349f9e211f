import pytest

from market.simulator.sockets import parse_path
from market.simulator.streams import Kind, Route, parse_stream


@pytest.mark.parametrize(
    ("name", "kind", "route", "every"),
    [
        ("btcusdt@aggTrade", Kind.AGG_TRADE, Route.MARKET, 2),
        ("btcusdt@trade", Kind.TRADE, Route.PUBLIC, 1),
        ("btcusdt@kline_15m", Kind.KLINE, Route.MARKET, 5),
        ("btcusdt@kline_1M", Kind.KLINE, Route.MARKET, 5),
        (
            "btcusdt_perpetual@continuousKline_1h",
            Kind.CONTINUOUS_KLINE,
            Route.MARKET,
            5,
        ),
        ("btcusdt@markPrice", Kind.MARK_PRICE, Route.MARKET, 60),
        ("btcusdt@markPrice@1s", Kind.MARK_PRICE, Route.MARKET, 20),
        ("!markPrice@arr", Kind.MARK_PRICE_ALL, Route.MARKET, 60),
        ("!markPrice@arr@1s", Kind.MARK_PRICE_ALL, Route.MARKET, 20),
        ("btcusdt@miniTicker", Kind.MINI_TICKER, Route.MARKET, 40),
        ("!miniTicker@arr", Kind.MINI_TICKER_ALL, Route.MARKET, 20),
        ("btcusdt@ticker", Kind.TICKER, Route.MARKET, 40),
        ("!ticker@arr", Kind.TICKER_ALL, Route.MARKET, 20),
        ("btcusdt@bookTicker", Kind.BOOK_TICKER, Route.PUBLIC, 1),
        ("!bookTicker", Kind.BOOK_TICKER_ALL, Route.PUBLIC, 100),
        ("btcusdt@depth", Kind.DEPTH_DIFF, Route.PUBLIC, 5),
        ("btcusdt@depth@100ms", Kind.DEPTH_DIFF, Route.PUBLIC, 2),
        ("btcusdt@depth@0ms", Kind.DEPTH_DIFF, Route.PUBLIC, 1),
        ("btcusdt@depth20@500ms", Kind.DEPTH_TOP, Route.PUBLIC, 10),
        ("btcusdt@forceOrder", Kind.FORCE_ORDER, Route.MARKET, 20),
        ("!forceOrder@arr", Kind.FORCE_ORDER_ALL, Route.MARKET, 20),
        ("!contractInfo", Kind.CONTRACT_INFO, Route.MARKET, 20),
    ],
)
def test_names_tell_kind_route_and_cadence(name, kind, route, every):
    stream = parse_stream(name)
    assert (stream.kind, stream.route, stream.every) == (kind, route, every)
    assert stream.text == name


@pytest.mark.parametrize(
    "name",
    [
        "BTCUSDT@aggTrade",
        "btcusdt@kline_7m",
        "btcusdt@kline_1s",
        "btcusdt@depth7",
        "btcusdt@depth@300ms",
        "btcusdt",
        "!ticker",
        "",
        "btcusdt@AGGTRADE",
    ],
)
def test_bad_names_are_no_stream(name):
    assert parse_stream(name) is None


@pytest.mark.parametrize(
    ("path", "streams", "expected"),
    [
        ("/public/ws", "", (Route.PUBLIC, False, ())),
        (
            "/market/stream",
            "a@trade/b@trade",
            (Route.MARKET, True, ("a@trade", "b@trade")),
        ),
        (
            "/market/ws/a@kline_1m/b@kline_1m",
            "",
            (Route.MARKET, False, ("a@kline_1m", "b@kline_1m")),
        ),
        ("/public/ws/0", "", (Route.PUBLIC, False, ())),
        ("/private/ws", "", (Route.PRIVATE, False, ())),
        ("/private/ws/aKeyOfSomeAccount", "", (Route.PRIVATE, False, ())),
        ("/ws/!bookTicker", "", (None, False, ("!bookTicker",))),
        ("/stream", "a@trade/a@trade", (None, True, ("a@trade",))),
    ],
)
def test_paths_tell_route_envelope_and_streams(path, streams, expected):
    found = parse_path(path, streams)
    assert (found.route, found.combined, found.streams) == expected


@pytest.mark.parametrize("path", ["/", "/fapi/v1/nothing", "/other/ws", "/wsx"])
def test_other_paths_are_no_socket(path):
    assert parse_path(path, "") is None
