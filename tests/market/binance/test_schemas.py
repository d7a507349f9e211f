"""Each market message of both generations becomes the right domain value."""

import json

import pytest

from market.binance.decode import DecodeFailure, decode
from market.domain.types import (
    BookDelta,
    Candle,
    ContractInfo,
    IndexPrice,
    Liquidation,
    Mark,
    Quote,
    Skipped,
    Ticker,
    Trade,
    TradingSession,
)
from tests.payloads import golden_frames

GOLDEN = golden_frames()


def one(raw, **options):
    decoded = decode(raw, **options)
    assert not isinstance(decoded, DecodeFailure), decoded
    (event,) = decoded
    return event


def event_of(stream, **data):
    return one(json.dumps({"stream": stream, "data": data}).encode())


def without(raw, *keys):
    message = json.loads(raw)
    for key in keys:
        del message["data"][key]
    return json.dumps(message).encode()


def test_an_aggregate_trade_of_2026_and_of_2021():
    trade = Trade(
        "BTCUSDT", 3478018549, 8154045700, 8154045704, 83434.40, 0.016,
        True, 1791391081874, 1791391082024, True,
    )  # fmt: skip
    assert one(GOLDEN[0]) == trade
    assert one(without(GOLDEN[0], "nq", "st")) == trade
    assert one(GOLDEN[0].replace(b'"st":1', b'"M":true')) == trade


def test_a_quote_of_2026_and_of_2021():
    quote = Quote(
        "BTCUSDT", 83680.0, 7.816, 83680.1, 1.566, 11659858833361,
        1790370834266, 1790370834267,
    )  # fmt: skip
    assert one(GOLDEN[1]) == quote
    assert one(without(GOLDEN[1], "ps", "st")) == quote


def test_a_liquidation_has_its_pair_inside_or_at_the_top():
    liquidation = Liquidation(
        "ILVUSDT", "SELL", 3.803, 3.85642, 116.5, 116.5, "FILLED",
        1791391082119, 1791391083124,
    )  # fmt: skip
    assert one(GOLDEN[3]) == liquidation
    top = json.loads(GOLDEN[3])
    del top["data"]["o"]["st"], top["data"]["o"]["ps"]
    top["data"] |= {"ps": "ILVUSDT", "st": 2}
    assert one(json.dumps(top).encode()) == Skipped(
        "forceOrder", "coin_margined", "ILVUSDT"
    )


def test_a_closed_kline():
    assert one(GOLDEN[4]) == Candle(
        symbol="SUSHIUSDT",
        interval="1m",
        open_time=1626992700000,
        close_time=1626992759999,
        open=7.608,
        high=7.618,
        low=7.607,
        close=7.617,
        volume=3005.0,
        quote_volume=22875.859,
        trades=113,
        taker_base=1900.0,
        taker_quote=14464.696,
        closed=True,
        event_time=1626992760203,
    )


def test_a_kline_without_trades_is_a_candle():
    bar = json.loads(GOLDEN[4])["data"]["k"]
    price = dict.fromkeys("ohlc", "7.617")
    quiet = bar | price | dict.fromkeys("vqVQ", "0") | {"f": -1, "L": -1, "n": 0}
    candle = event_of("sushiusdt@kline_1m", e="kline", E=1, s="SUSHIUSDT", k=quiet)
    assert (candle.trades, candle.volume, candle.high) == (0, 0.0, 7.617)


def test_a_continuous_kline_never_mixes_with_the_contract():
    bar = json.loads(GOLDEN[4])["data"]["k"]
    del bar["s"]
    candle = event_of(
        "btcusdt_perpetual@continuousKline_1m",
        e="continuous_kline", E=1, ps="BTCUSDT", ct="PERPETUAL", k=bar,
    )  # fmt: skip
    assert candle.symbol == "BTCUSDT_PERPETUAL"


def test_a_diff_of_futures_and_of_spot():
    assert one(GOLDEN[5]) == BookDelta(
        "SUSHIUSDT", 600859599090, 600859600917, 600859598061,
        ((7.504, 813.0), (7.609, 0.0), (7.611, 2.0)), ((7.615, 1563.0), (7.622, 3284.0)),
        1626992741024, 1626992741037,
    )  # fmt: skip
    spot = one(without(GOLDEN[5], "pu", "T"))
    assert (spot.previous_id, spot.time) == (None, 0)


def test_a_first_diff_may_have_minus_one_for_its_predecessor():
    diff = one(GOLDEN[5].replace(b'"pu":600859598061', b'"pu":-1'))
    assert diff.previous_id == -1


@pytest.mark.parametrize("extra", [{}, {"ap": "5.5", "st": 1, "i": "6"}])
def test_a_mark_price_of_both_generations(extra):
    mark = event_of(
        "btcusdt@markPrice",
        e="markPriceUpdate", E=5, s="BTCUSDT", p="7", P="6", r="-0.0001", T=9, **extra,
    )  # fmt: skip
    index = 6.0 if extra else 0.0
    assert mark == Mark("BTCUSDT", 7.0, index, -0.0001, 9, 5)


def test_tickers_short_and_long_and_of_spot():
    day = {"E": 5, "s": "BTCUSDT", "c": "11", "o": "10", "h": "12", "l": "9"}
    volumes = {"v": "100", "q": "1000"}
    short = event_of("btcusdt@miniTicker", e="24hrMiniTicker", **day, **volumes)
    assert short.change_percent == pytest.approx(10.0)
    long = event_of("btcusdt@ticker", e="24hrTicker", P="10.0", **day, **volumes)
    spot = {"x": "1", "b": "1", "B": "1", "a": "1", "A": "1"}
    same = event_of("btcusdt@ticker", e="24hrTicker", P="10", **day, **volumes, **spot)
    assert long == same == Ticker("BTCUSDT", 11, 10, 12, 9, 100, 1000, 10.0, 5)


def test_single_trades_with_and_without_the_kind_of_execution():
    data = {"e": "trade", "E": 3, "T": 2, "s": "ETHUSDT", "t": 7, "p": "5", "q": "1"}
    trade = Trade("ETHUSDT", 7, 7, 7, 5.0, 1.0, False, 2, 3, False)
    assert event_of("ethusdt@trade", **data, m=False) == trade
    assert event_of("ethusdt@trade", **data, m=False, X="INSURANCE_FUND") == trade
    assert event_of("ethusdt@trade", **data, m=False, M=True) == trade


def test_contract_changes_indices_and_sessions():
    info = event_of(
        "!contractInfo", e="contractInfo", E=5, s="IOTAUSDT", ps="IOTAUSDT",
        ct="PERPETUAL", dt=4133404800000, ot=1569398400000, cs="SETTLING",
        bks=[{"bs": 1, "bnf": 0}],
    )  # fmt: skip
    assert info == ContractInfo(
        "IOTAUSDT", "IOTAUSDT", "PERPETUAL", "SETTLING", 1569398400000, 4133404800000, 5
    )
    index = event_of("x@compositeIndex", e="compositeIndex", E=5, s="DEFI", p="7", c=[])
    assert index == IndexPrice("DEFI", 7.0, 5)
    asset = event_of("adausd@assetIndex", e="assetIndexUpdate", E=5, s="ADAUSD", i="7")
    assert asset == IndexPrice("ADAUSD", 7.0, 5)
    session = event_of("tradingSession", e="EquityUpdate", E=5, t=1, T=2, S="REGULAR")
    assert session == TradingSession("equity", "REGULAR", 1, 2, 5)
